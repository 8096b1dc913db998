import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { JobError } from '../../contract/index.ts';
import { CORRELATION_HEADER } from '../client/correlation.ts';
import { PING_INTERVAL_MS } from '../limits.ts';
import { beginOpenEnded } from './open-ended.ts';
import type { Sink } from '../registry/reader.ts';
import type { JobReading, JobRegistry } from '../registry/registry.ts';
import { CLOSING, createTextEncoder, encodeSse } from './sse.ts';

/** GET /v1/jobs/{id}/stream: any number of readers, at any time, each at its own speed. */
export function serveStreams(app: FastifyInstance, registry: JobRegistry): void {
  const open = new Set<JobReading>();
  const pings = setInterval(() => {
    for (const reading of open) reading.ping();
  }, PING_INTERVAL_MS);
  app.addHook('onClose', () => clearInterval(pings));

  app.get<{ Params: { id: string }; Querystring: { format?: string } }>('/v1/jobs/:id/stream', (request, reply) => {
    const { id } = request.params;
    const response = reply.raw;
    const encoder = request.query.format === 'text' ? createTextEncoder() : encodeSse;
    const { correlation_id } = registry.get(id);
    const begun = { out: response as Writable };
    const reading = registry.read(id, sinkOf(response, begun), { after: lastEventIdOf(request), encoder });
    open.add(reading);
    response.on('close', () => {
      open.delete(reading);
      reading.close();
    });
    // Raw from here on: a stream is written as it comes, not serialised by the framework.
    reply.hijack();
    begun.out = beginOpenEnded(response, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      [CORRELATION_HEADER]: correlation_id,
    });
    reading.start();
  });
}

/** @param begun where to write, known once the answer has begun */
function sinkOf(response: ServerResponse, begun: { out: Writable }): Sink {
  return {
    write: (text) => begun.out.write(text),
    drained: (callback) => begun.out.once('drain', callback),
    end: (text, isWhole) => {
      if (isWhole) begun.out.write(text + CLOSING);
      response.end();
    },
  };
}

function lastEventIdOf({ headers }: FastifyRequest): number {
  const id = headers['last-event-id'];
  if (id === undefined || id === '') return 0;
  if (typeof id === 'string' && /^\d{1,15}$/.test(id)) return Number(id);
  throw new JobError('invalid_input', 'Last-Event-ID: must be the id of an event of this job, a whole number');
}
