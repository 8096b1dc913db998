import type { FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { JobError, operations, type OperationName } from '../../contract/index.ts';
import type { JobRegistry } from '../../jobs/index.ts';
import { log } from '../../narration/index.ts';
import type { ApiRequest, FieldNames } from './answer.ts';
import { parseFields } from './parse-body.ts';
import { Relay } from './relay.ts';
import { withOwnName } from './request-error.ts';
import { idHeaders, idsOf } from './request-ids.ts';

/** A request header: 'continue' leaves the jobs running when the client disconnects. */
const ON_DISCONNECT_HEADER = 'x-rbee-on-disconnect';

export interface Exchange {
  request: FastifyRequest;
  reply: FastifyReply;
}

/**
 * Runs a request of an API: one job for each of its inputs, and their events or outputs as its answer. The connection of the client is the
 * only reader: when it closes, the jobs are cancelled at once.
 * @returns the body of an answer in one piece; undefined for a streamed answer, and for a client that has disconnected
 * @throws JobError why it was refused or failed, before anything was sent
 */
export async function runRequest<Name extends OperationName>(
  registry: JobRegistry,
  { request, reply }: Exchange,
  { operation, inputs, answer, names = {} }: ApiRequest<Name>,
): Promise<object | undefined> {
  const ids = idsOf(request.raw);
  const onDisconnect = request.headers[ON_DISCONNECT_HEADER] === 'continue' ? 'continue' : 'cancel';
  const cancelAll = () => ids.jobIds.forEach((jobId) => cancel(registry, jobId));
  const parsed = inputs.map((input) => parsedBy(operations[operation].input, input, names));
  const response = reply.raw;
  const created = await Promise.allSettled(
    parsed.map((input) =>
      registry.create(
        { operation, input, onDisconnect },
        { correlationId: ids.correlationId, idempotencyKey: undefined, body: String(request.body) },
      ),
    ),
  );
  for (const job of created) if (job.status === 'fulfilled') ids.jobIds.push(job.value.job_id);
  const refused = created.find((job) => job.status === 'rejected');
  if (refused !== undefined) {
    cancelAll();
    throw refused.reason instanceof JobError ? withOwnName(refused.reason, names) : refused.reason;
  }
  const headers = idHeaders(ids);
  void reply.headers(headers);
  const onBegin = () => void reply.hijack();
  const relay = new Relay(ids.jobIds, { registry, response, answer, headers, names, onBegin, onFailed: cancelAll });
  const left = () => {
    if (relay.hasEnded) return;
    relay.close();
    if (!reply.sent) reply.hijack();
    if (onDisconnect === 'cancel') cancelAll();
  };
  response.on('close', left);
  const body = relay.run();
  // It may have disconnected while the jobs were being created.
  if (response.destroyed || response.socket?.destroyed === true) left();
  return body;
}

function parsedBy<Schema extends z.ZodType>(schema: Schema, input: object, names: FieldNames): z.output<Schema> {
  try {
    return parseFields(schema, input);
  } catch (cause) {
    throw cause instanceof JobError ? withOwnName(cause, names) : cause;
  }
}

function cancel(registry: JobRegistry, jobId: string): void {
  registry.cancel(jobId, 'the client disconnected').catch((cause: unknown) => {
    if (cause instanceof JobError && ENDED.has(cause.code)) return;
    log.error({ err: cause, job_id: jobId }, 'a job could not be cancelled');
  });
}

const ENDED: ReadonlySet<string> = new Set(['job_already_ended', 'job_not_found']);
