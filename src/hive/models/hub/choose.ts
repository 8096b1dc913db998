import { formatBytes, JobError, type HubReference } from '../../../contract/index.ts';
import { isWhole, type Candidate } from './candidates.ts';

/** Most people expect Q4_K_M: it is the default of the other programs too, and in the Hub's own snippets. */
const PREFERRED = ['Q4_K_M', 'UD-Q4_K_XL', 'Q4_K_S', 'IQ4_XS', 'Q4_0', 'MXFP4', 'Q5_K_M', 'Q8_0'];
/** Beside the weights: a cache for the default context, and buffers. */
const NEED_PER_WEIGHT = 1.15;
const SHOWN_LIMIT = 40;

export interface Choice {
  candidate: Candidate;
  /** Why this one, where the request left it open. */
  why: string | undefined;
}

/**
 * The model that a request means. A tag means exactly that one, never another silently.
 * @param largestBytes memory of the largest device that could load it; undefined when that is not known
 * @throws JobError model_not_found, with what there is
 */
export function choose(candidates: readonly Candidate[], wanted: HubReference, largestBytes: number | undefined): Choice {
  const { repo, tag, file } = wanted;
  if (candidates.length === 0) throw notFound(`${repo} has no GGUF model`);
  if (file === undefined && tag === undefined) return { ...byDefault(candidates, repo, largestBytes) };
  const found = file === undefined ? byTag(candidates, tag ?? '') : candidates.find(({ files }) => files.some(isAt(file)));
  if (found === undefined) throw notFound(`${repo} has no ${file ?? tag}. It has: ${listed(candidates, file ?? tag ?? '')}`);
  if (isWhole(found)) return { candidate: found, why: undefined };
  const have = `${found.files.length} of its ${found.parts} parts are there`;
  throw notFound(`${repo}:${found.tag} is incomplete on the Hub: ${have}`);
}

function byTag(candidates: readonly Candidate[], wanted: string): Candidate | undefined {
  const tag = wanted.toUpperCase();
  const called = (name: string) => candidates.find((each) => each.tag.toUpperCase() === name);
  return called(tag) ?? called(`UD-${tag}`);
}

function byDefault(candidates: readonly Candidate[], repo: string, largestBytes: number | undefined): Choice {
  const whole = candidates.filter(isWhole);
  const [smallest] = whole;
  if (smallest === undefined) throw notFound(`Every model of ${repo} is incomplete on the Hub: parts of it are missing`);
  const preferred = PREFERRED.flatMap((tag) => whole.filter((each) => each.tag === tag));
  const inOrder = [...preferred, ...whole.filter((each) => !preferred.includes(each))];
  const fits = (each: Candidate) => largestBytes === undefined || needOf(each) <= largestBytes;
  const chosen = inOrder.find(fits);
  const device = `the largest device has ${formatBytes(largestBytes ?? 0)}`;
  if (chosen === undefined) {
    const why = `took the smallest, ${sized(smallest)}, which needs about ${formatBytes(needOf(smallest))}; ${device}`;
    return { candidate: smallest, why };
  }
  const better = inOrder[0] === chosen ? undefined : inOrder[0];
  const instead = better && `${better.tag} needs about ${formatBytes(needOf(better))}, ${device}`;
  return { candidate: chosen, why: `took ${sized(chosen)}${instead === undefined ? '' : `; ${instead}`}` };
}

/** An estimate, from the size alone. */
export function needOf({ sizeBytes }: Candidate): number {
  return Math.ceil(sizeBytes * NEED_PER_WEIGHT);
}

function isAt(path: string): (file: { path: string }) => boolean {
  return (file) => file.path === path;
}

/** The nearest first: of the same number of bits, then by size. */
function listed(candidates: readonly Candidate[], wanted: string): string {
  const bits = bitsOf(wanted);
  const distance = (each: Candidate) => Math.abs(bitsOf(each.tag) - bits);
  const inOrder = candidates.toSorted((one, other) => distance(one) - distance(other));
  const more = inOrder.length > SHOWN_LIMIT ? ` and ${inOrder.length - SHOWN_LIMIT} more` : '';
  return `${inOrder.slice(0, SHOWN_LIMIT).map(sized).join(', ')}${more}`;
}

function bitsOf(tag: string): number {
  return Number(/(\d+)/.exec(tag)?.[1] ?? 4);
}

function sized({ tag, sizeBytes }: Candidate): string {
  return `${tag} (${formatBytes(sizeBytes)})`;
}

function notFound(sentence: string): JobError {
  return new JobError('model_not_found', sentence);
}
