import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { JobError } from '../contract/index.ts';
import { CORRELATION_HEADER } from './correlation.ts';
import { PING_INTERVAL_MS } from './limits.ts';
import type { Sink } from './reader.ts';
import type { JobReading, JobRegistry } from './registry.ts';
import { createTextEncoder, encodeSse } from './sse.ts';

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
    const reading = registry.read(id, sinkOf(response), { after: lastEventIdOf(request), encoder });
    open.add(reading);
    response.on('close', () => {
      open.delete(reading);
      reading.close();
    });
    // Raw from here on: a stream is written as it comes, not serialised by the framework.
    reply.hijack();
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      [CORRELATION_HEADER]: registry.get(id).correlation_id,
    });
    response.flushHeaders();
    reading.start();
  });
}

function sinkOf(response: ServerResponse): Sink {
  return {
    write: (text) => response.write(text),
    drained: (callback) => response.once('drain', callback),
    end: () => response.end(),
  };
}

function lastEventIdOf({ headers }: FastifyRequest): number {
  const id = headers['last-event-id'];
  if (id === undefined || id === '') return 0;
  if (typeof id === 'string' && /^\d{1,15}$/.test(id)) return Number(id);
  throw new JobError('invalid_input', 'Last-Event-ID: must be the id of an event of this job, a whole number');
}
