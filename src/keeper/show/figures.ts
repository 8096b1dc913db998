import type * as z from 'zod';
import type { inferOutput } from '../../contract/index.ts';
import { count, duration, rate } from './units.ts';

type Answer = z.output<typeof inferOutput>;

/** The line under an answer: '34 tokens · 152 tok/s · first token after 41 ms'. */
export function figures(answer: Answer, isVerbose: boolean): string {
  const { usage, timings, finish_reason: reason } = answer;
  const parts = [count(usage.completion_tokens, 'token')];
  if (timings.tokens_per_s > 0) parts.push(`${rate(timings.tokens_per_s)} tok/s`);
  if (timings.first_token_ms !== null) parts.push(`first token after ${duration(timings.first_token_ms)}`);
  if (reason === 'length') parts.push('cut off at the token limit');
  return isVerbose ? `${parts.join(' · ')}\n${more(answer)}` : parts.join(' · ');
}

function more({ usage, timings, model, worker_id, seed }: Answer): string {
  const cached = usage.cached_tokens ? ` (${usage.cached_tokens} cached)` : '';
  const readIn = timings.prefill_ms === undefined ? '' : ` read in ${duration(timings.prefill_ms)}`;
  const prompt = `prompt ${count(usage.prompt_tokens, 'token')}${cached}${readIn}`;
  return [prompt, `waited ${duration(timings.queue_ms)} for a slot`, `${model} on ${worker_id}`, `seed ${seed}`].join(' · ');
}
