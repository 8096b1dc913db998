import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { CORRELATION_HEADER, correlationIdOf } from '../../jobs/index.ts';

/** What every answer to a request names in its headers, error answers too. */
export interface RequestIds {
  readonly requestId: string;
  readonly correlationId: string;
  /** Of the jobs that were created for it. */
  readonly jobIds: string[];
}

const known = new WeakMap<IncomingMessage, RequestIds>();

export function idsOf(request: IncomingMessage): RequestIds {
  const ids = known.get(request) ?? { requestId: newId('req_'), correlationId: correlationIdOf(request.headers), jobIds: [] };
  known.set(request, ids);
  return ids;
}

export function idHeaders({ requestId, correlationId, jobIds }: RequestIds): Record<string, string> {
  const ids = { 'request-id': requestId, 'x-request-id': requestId, [CORRELATION_HEADER]: correlationId };
  return jobIds.length === 0 ? ids : { ...ids, 'x-rbee-job-id': jobIds.join(', ') };
}

/** An id that occurs once: 32 hexadecimal digits after the prefix. */
export function newId(prefix: string): string {
  return prefix + randomBytes(16).toString('hex');
}
