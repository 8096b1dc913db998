import {
  JobError,
  formatBytes,
  hubText,
  type HubReference,
  type JobEvent,
  type Model,
  type ModelPull,
} from '../../../contract/index.ts';
import { narrate } from '../../../narration/index.ts';
import type { DownloadParts } from '../download-parts.ts';
import type { DownloadShare } from '../download-room.ts';
import { fetchInto } from '../fetch-into.ts';
import { Meter } from '../meter.ts';
import { PartFile, removePart, removeSidecar } from '../part-file.ts';
import { rehash } from '../rehash.ts';
import { candidatesOf, type Candidate, type HubFile } from './candidates.ts';
import { choose } from './choose.ts';
import { connectHub, type HubClient, type HubRevision } from './hub-client.ts';
import { isHubModel, piecesText, sizeOf } from './hub-shelf.ts';
import { HubSource, versionOf } from './hub-source.ts';

export interface PullRequest {
  hub: HubReference;
  /** The name of the model; that of the Hub when left out. */
  name?: string | undefined;
  /** Of a model in one file, in lower case. */
  sha256?: string | undefined;
}

interface Plan extends HubRevision {
  name: string;
  /** A branch, tag or commit. */
  asked: string;
  candidate: Candidate;
}

interface Fetching {
  parts: DownloadParts;
  client: HubClient;
  plan: Plan;
  signal: AbortSignal;
}

/**
 * Fetches a model of the Hub with all of its parts. What a request means is decided once, against one commit: sizes and digests of all
 * files are known before the first byte comes, and whatever happens to the repository meanwhile, the files belong together.
 */
export async function* pull(
  parts: DownloadParts,
  request: PullRequest,
  signal: AbortSignal,
): AsyncGenerator<JobEvent, Model, void> {
  const here = await alreadyHere(parts, request);
  if (here !== undefined) return here;
  await using client = await connectHub(parts);
  const plan = await planOf(parts, { request, client, signal });
  const key = `${plan.repo}:${plan.candidate.tag}@${plan.commit}`.toLowerCase();
  const hub = { repo: plan.repo, tag: plan.candidate.tag, revision: plan.commit };
  for (;;) {
    const chosen = await alreadyHere(parts, { ...request, hub }, plan.name);
    if (chosen !== undefined) return chosen;
    if (!parts.pulls.has(key)) break;
    yield* parts.pulls.whileOther(key, plan.name, signal);
  }
  return yield* parts.pulls.share(key, fetchClaimed({ parts, client, plan, signal }));
}

async function planOf(
  parts: DownloadParts,
  asking: { request: PullRequest; client: HubClient; signal: AbortSignal },
): Promise<Plan> {
  const { request, client, signal } = asking;
  const { hub, name, sha256 } = request;
  narrate('resolve', `looking up ${hubText(hub)} on ${client.endpoint.host}`);
  const revision = await client.revision(hub.repo, hub.revision, signal);
  const candidates = candidatesOf(await client.files(revision, signal));
  const { candidate, why } = choose(candidates, { ...hub, repo: revision.repo }, await parts.largestDeviceBytes());
  if (why !== undefined) narrate('choose', why);
  const [first, ...rest] = candidate.files;
  if (sha256 !== undefined && (rest.length > 0 || first?.sha256 !== sha256)) {
    const has =
      rest.length > 0 ? `it has ${candidate.files.length} files` : `its sha256 is ${first?.sha256 ?? 'not known'}, not ${sha256}`;
    throw new JobError('checksum_mismatch', `${revision.repo}:${candidate.tag} is not the requested file: ${has}`);
  }
  return { ...revision, asked: hub.revision ?? 'main', candidate, name: name ?? `${revision.repo}:${candidate.tag}` };
}

/**
 * The model that the request means, when it is here; then the Hub is not asked.
 * @throws JobError model_exists when another model has the name
 */
async function alreadyHere(
  parts: DownloadParts,
  { hub, name, sha256 }: PullRequest,
  chosen?: string,
): Promise<Model | undefined> {
  const { shelf } = parts;
  const named = name ?? chosen ?? shelf.hubNameOf(hub);
  const occupant = named === undefined ? undefined : await shelf.occupant(named);
  if (occupant === undefined) return undefined;
  const taken = `The name '${named}' is taken by the model '${occupant.model}'`;
  const isSame = isHubModel(occupant) && isOrigin(occupant, hub);
  if (!isSame) throw new JobError('model_exists', `${taken}, which came from ${occupant.source}`);
  const commit = hub.revision === undefined ? occupant.revision : await shelf.hub.cache.commitOf(occupant.repo, hub.revision);
  if (commit !== occupant.revision) {
    const next = `delete it first, or give the other one a name: --name`;
    throw new JobError(
      'model_exists',
      `${taken}, of the commit ${occupant.revision.slice(0, 12)} and not of ${hub.revision ?? ''}: ${next}`,
    );
  }
  if (sha256 !== undefined && occupant.sha256 !== sha256) {
    throw new JobError(
      'model_exists',
      `${taken}, from the same repository but with the sha256 ${occupant.sha256 ?? 'of several files'}`,
    );
  }
  narrate('exists', `model ${occupant.model} is already downloaded`);
  return occupant;
}

function isOrigin({ source, repo, files }: Model & ModelPull, hub: HubReference): boolean {
  if (repo.toLowerCase() !== hub.repo.toLowerCase()) return false;
  if (hub.file !== undefined) return files.some(({ path }) => path === hub.file);
  return hub.tag === undefined || source.toLowerCase() === `hf:${repo}:${hub.tag}`.toLowerCase();
}

async function* fetchClaimed(fetching: Fetching): AsyncGenerator<JobEvent, Model, void> {
  const { parts, plan } = fetching;
  // Also each file: two models may have one in common.
  const keys = [plan.name, ...plan.candidate.files.map(versionOf)];
  const share = parts.disk.share(plan.name);
  const claimed: (() => void)[] = [];
  try {
    for (const key of new Set(keys)) claimed.push(parts.writers.claim(key, plan.name));
    return yield* fetchAll(fetching, share);
  } catch (cause) {
    await parts.shelf.hub.forgetIfEmpty(plan.name);
    throw cause;
  } finally {
    share.release();
    for (const free of claimed) free();
  }
}

async function* fetchAll(fetching: Fetching, share: DownloadShare): AsyncGenerator<JobEvent, Model, void> {
  const { parts, plan, client } = fetching;
  const { shelf } = parts;
  const { repo, commit, candidate, name } = plan;
  const files = candidate.files.map((file) => ({ path: file.path, size_bytes: file.sizeBytes, digest: versionOf(file) }));
  const pulled: ModelPull = { model: name, repo, revision: commit, files };
  await shelf.hub.cache.ensureBlobs(repo);
  await shelf.hub.begin(pulled);
  narrate('fetch', `fetching ${name} (${piecesText({ files, size_bytes: candidate.sizeBytes })}) from ${client.endpoint.host}`);
  const sha256 = sha256Of(candidate);
  const meter = new Meter('download', candidate.sizeBytes, sha256);
  const missing = await missingOf(fetching);
  let laterBytes = missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  meter.moveOn(candidate.sizeBytes - laterBytes);
  for (const file of missing) {
    laterBytes -= file.sizeBytes;
    yield* fetchFile(fetching, { file, share, meter, laterBytes });
    meter.moveOn(file.sizeBytes);
  }
  for (const { path, digest } of files) await shelf.hub.cache.link({ repo, commit, path }, digest);
  await shelf.hub.cache.writeRef({ repo, commit }, plan.asked);
  const model: Model = {
    ...pulled,
    path: shelf.hub.pathOf(pulled),
    size_bytes: candidate.sizeBytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    source: `hf:${repo}:${candidate.tag}`,
    created_at: new Date().toISOString(),
  };
  await shelf.put(model);
  shelf.hub.end(name);
  narrate('ready', `downloaded ${name}: ${piecesText({ files, size_bytes: model.size_bytes })}, commit ${commit.slice(0, 12)}`);
  return model;
}

/** Undefined for several files. */
function sha256Of({ files: [first, ...others] }: Candidate): string | undefined {
  return others.length === 0 ? first?.sha256 : undefined;
}

/** A blob has its name only because its digest was right. */
async function missingOf({ parts, plan }: Fetching): Promise<HubFile[]> {
  const { repo, candidate } = plan;
  const blobOf = (file: HubFile) => parts.shelf.hub.cache.blob(repo, versionOf(file)).model;
  const sizes = await Promise.all(candidate.files.map((file) => sizeOf(blobOf(file))));
  return candidate.files.filter(({ sizeBytes }, index) => sizes[index] !== sizeBytes);
}

interface FileTransfer {
  file: HubFile;
  share: DownloadShare;
  meter: Meter;
  laterBytes: number;
}

async function* fetchFile(
  { parts, client, plan, signal }: Fetching,
  transfer: FileTransfer,
): AsyncGenerator<JobEvent, void, void> {
  const { file } = transfer;
  const { repo, commit, name } = plan;
  const version = versionOf(file);
  const blob = parts.shelf.hub.cache.blob(repo, version);
  const source = new HubSource(client, { revision: { repo, commit }, file }, parts.patience);
  const part = await PartFile.open(blob, version);
  try {
    yield* rehash(part, { name, meter: new Meter('verify') }, signal);
    yield* fetchInto({ ...transfer, name: source.label, source, part, signal }, parts.patience);
    const digest = file.sha256 === undefined ? await part.gitDigest() : part.digest();
    if (digest !== version) {
      await removePart(blob);
      const sentence = `${source.label} arrived damaged: its digest is ${digest}, and the Hub lists ${version}. Nothing of this file was kept; download it again`;
      throw new JobError('checksum_mismatch', sentence);
    }
    await part.becomeModel();
    await removeSidecar(blob);
  } catch (cause) {
    throw withWhatIsKept(cause, part.size);
  } finally {
    await part.close();
  }
}

function withWhatIsKept(cause: unknown, sizeBytes: number): unknown {
  const isKept = cause instanceof JobError && ['download_failed', 'hub_limited'].includes(cause.code) && sizeBytes > 0;
  if (!isKept) return cause;
  return new JobError(cause.code, `${cause.message}. ${formatBytes(sizeBytes)} of this file are kept; run it again to continue`, {
    cause,
  });
}
