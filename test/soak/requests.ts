import type { OutputOf } from '../../src/contract/index.ts';
import { follow, type Followed } from './follow.ts';
import { postJob } from '../support/queen-calls.ts';

/** A request and its undisturbed answer, which its seed makes the same each time. */
export interface Reference {
  request: { operation: 'infer'; prompt: string; seed: number; temperature: number; json_schema: object };
  text: string;
}

interface Kind {
  count: number;
  /** Booleans in the answer, about three tokens each. */
  items: [least: number, most: number];
}

const SHORT: Kind = { count: 24, items: [12, 20] };
const LONG: Kind = { count: 12, items: [60, 110] };

export interface References {
  short: Reference[];
  long: Reference[];
}

/** Runs each request once, undisturbed. */
export async function takeReferences(port: number): Promise<References> {
  return { short: await takeKind(port, 'short', SHORT), long: await takeKind(port, 'long', LONG) };
}

function takeKind(port: number, name: string, { count, items: [minItems, maxItems] }: Kind): Promise<Reference[]> {
  const one = async (_: unknown, index: number) => {
    const json_schema = { type: 'array', items: { type: 'boolean' }, minItems, maxItems };
    const prompt = `Count, ${name} number ${index}`;
    const request = { operation: 'infer' as const, prompt, seed: index + 1, temperature: 1, json_schema };
    const followed = await follow(port, await postJob(port, request, `reference-${name}-${index}`), () => ({}));
    const result = resultOf(followed);
    if (result === undefined || followed.problems.length > 0 || result.text !== textOf(followed))
      throw new Error(`a request failed without a disturbance: ${JSON.stringify([followed.problems, followed.events.at(-1)])}`);
    return { request, text: result.text };
  };
  return Promise.all(Array.from({ length: count }, one));
}

export function textOf({ events }: Followed): string {
  return events
    .filter(({ kind }) => kind === 'token')
    .map(({ json }) => (JSON.parse(json) as { text: string }).text)
    .join('');
}

export function resultOf({ events }: Followed): OutputOf<'infer'> | undefined {
  const last = events.at(-1);
  return last?.kind === 'result' ? (JSON.parse(last.json) as OutputOf<'infer'>) : undefined;
}
