import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { JobError } from '../../contract/index.ts';
import { CORRELATION_HEADER } from '../client/correlation.ts';
import { PING_INTERVAL_MS } from '../limits.ts';
import { beginOpenEnded } from './open-ended.ts';
import type { Sink } from '../registry/reader.ts';
import type { JobReading, JobRegistry } from '../registry/registry.ts';
import { CLOSING, createTextEncoder, encodeSse, type Encoder } from './sse.ts';

export interface JobStream {
  jobId: string;
  /** Seq of the last event that the client has; 0 for none. */
  after: number;
  /** The job's events as text: SSE in whatever shape the client reads. */
  encoder: Encoder;
}

/**
 * Answers a request with the events of a job, as server-sent events: what the log has, then each as it comes. Any number of readers, each at
 * its own speed. Ends with `data: [DONE]` after the job's terminal event, and without it when the log has expired.
 * @throws JobError job_not_found, invalid_input; before anything is sent
 */
export type StreamJob = (reply: FastifyReply, stream: JobStream) => void;

export function createJobStreams(app: FastifyInstance, registry: JobRegistry): StreamJob {
  const open = new Set<JobReading>();
  const pings = setInterval(() => {
    for (const reading of open) reading.ping();
  }, PING_INTERVAL_MS);
  app.addHook('onClose', () => clearInterval(pings));

  return (reply, { jobId, after, encoder }) => {
    const response = reply.raw;
    const { correlation_id } = registry.get(jobId);
    const begun = { out: response as Writable };
    const reading = registry.read(jobId, sinkOf(response, begun), { after, encoder });
    open.add(reading);
    response.on('close', () => {
      open.delete(reading);
      reading.close();
    });
    // Raw from here on: events are written as they come, and not serialised by the framework.
    reply.hijack();
    begun.out = beginOpenEnded(response, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      [CORRELATION_HEADER]: correlation_id,
    });
    reading.start();
  };
}

/** GET /v1/jobs/{id}/stream. */
export function serveStreams(app: FastifyInstance, streamJob: StreamJob): void {
  app.get<{ Params: { id: string }; Querystring: { format?: unknown } }>('/v1/jobs/:id/stream', (request, reply) => {
    streamJob(reply, { jobId: request.params.id, after: lastEventIdOf(request), encoder: encoderOf(request.query.format) });
  });
}

function encoderOf(format: unknown): Encoder {
  if (format === undefined) return encodeSse;
  if (format === 'text') return createTextEncoder();
  throw new JobError('invalid_input', "format: must be 'text', or left out for the events as JSON");
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
