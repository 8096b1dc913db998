import * as z from 'zod';
import { listOf } from '../common/list-of.ts';

const tokens = listOf(z.int().min(0));

/** One or more texts, each as it is or as the ids of its tokens. */
export const texts = z.union([z.string(), tokens, listOf(z.string()), listOf(tokens)]);
type Texts = z.output<typeof texts>;

export function textsOf(given: Texts): (string | number[])[] {
  if (typeof given === 'string') return [given];
  return isTokens(given) ? [given] : given;
}

function isTokens(given: string[] | number[] | number[][]): given is number[] {
  return typeof given[0] === 'number';
}
