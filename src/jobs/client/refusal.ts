import * as z from 'zod';
import { actors, isErrorCode, JobError } from '../../contract/index.ts';
import { EVENT_LIMIT_CHARS } from '../limits.ts';
import { badResponse, type PeerRole } from './peer-errors.ts';

const errorBody = z.object({
  error: z.object({ code: z.string(), message: z.string().max(EVENT_LIMIT_CHARS / 2), origin: z.enum(actors).optional() }),
});

/** The error that a peer answered with, with its code, message and origin. */
export function refusalOf(peer: PeerRole, status: number, answer: unknown): JobError {
  const parsed = errorBody.safeParse(answer);
  if (!parsed.success || !isErrorCode(parsed.data.error.code)) {
    return badResponse(peer, `${capitalised(peer.role)} answered HTTP ${status} without an rbee error`);
  }
  const { code, message, origin } = parsed.data.error;
  return new JobError(code, message, origin === undefined ? {} : { origin });
}

export function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
