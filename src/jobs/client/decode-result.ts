import * as z from 'zod';
import {
  cancelled,
  failed,
  isErrorCode,
  JobError,
  operations,
  type OperationName,
  type OutputOf,
  parseJson,
} from '../../contract/index.ts';
import type { Peer } from './peer.ts';
import { badResponse } from './peer-errors.ts';
import type { StreamEvent } from './stream-event.ts';

/**
 * The output of an operation, from the terminal event of its job.
 * @throws JobError the failure or the cancellation that the event holds, or <role>_bad_response
 */
export function decodeResult<K extends OperationName>(peer: Peer, operation: K, last: StreamEvent): OutputOf<K> {
  const data = parseJson(last.json);
  if (last.kind === 'failed') throw asFailure(peer, data);
  if (last.kind === 'cancelled') throw asCancelled(peer, data);
  const parsed = z.safeParse(operations[operation].output, data);
  if (!parsed.success) throw badResponse(peer, `The ${peer.role} returned a malformed result of ${operation}`, parsed.error);
  return parsed.data as OutputOf<K>;
}

function asFailure(peer: Peer, data: unknown): JobError {
  const parsed = failed.safeParse(data);
  if (!parsed.success || !isErrorCode(parsed.data.code))
    return badResponse(peer, `The ${peer.role} failed with a malformed error`);
  return new JobError(parsed.data.code, parsed.data.message, { origin: parsed.data.origin });
}

function asCancelled(peer: Peer, data: unknown): JobError {
  const parsed = cancelled.safeParse(data);
  return new JobError('cancelled', parsed.success ? parsed.data.reason : `cancelled by the ${peer.role}`);
}
