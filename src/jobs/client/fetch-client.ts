import * as z from 'zod';
import type { Role } from '../../contract/index.ts';
import { ANSWER_LIMITS, PROMPT_ANSWER_DEADLINE_MS, SILENCE_DEADLINE_MS } from '../limits.ts';
import { correlationHeaders, newCorrelationId } from './correlation.ts';
import { parseBounded } from './json-shape.ts';
import { asJobError, badResponse, ConnectionClosedError, DeadlineError } from './peer-errors.ts';
import { capitalised, refusalOf } from './refusal.ts';
import { resumeStream, type StreamOptions } from './resume-stream.ts';
import type { StreamEvent } from './stream-event.ts';

/** A daemon as a page addresses it: over fetch, with the token instead of a proof. */
export interface Daemon {
  role: Role;
  /** For example 'http://localhost:8500'; '' for the origin of the page itself. */
  url: string;
  token?: string | undefined;
}

export interface JobPost {
  operation: string;
  input: object;
  correlationId?: string;
  /** Makes a second attempt the same job as the first; a new one when left out. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal | undefined;
}

const created = z.object({ job_id: z.string().regex(/^job-[A-Za-z0-9-]{1,64}$/) });

/**
 * Creates a job, which runs from then on. A connection that breaks is tried once more, with the same key: that makes no second job.
 * @returns its id
 * @throws JobError <role>_unreachable, <role>_bad_response, or the error that the daemon answered with; the signal's reason
 */
export async function postJob(daemon: Daemon, { operation, input, ...options }: JobPost): Promise<string> {
  const { correlationId = newCorrelationId(), idempotencyKey = crypto.randomUUID(), signal } = options;
  const request: Call = {
    method: 'POST',
    path: '/v1/jobs',
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey, ...correlationHeaders(correlationId) },
    body: JSON.stringify({ operation, ...input }),
    signal,
  };
  const answer = await answerTo(daemon, request)
    .catch((cause: unknown) => {
      if (!(cause instanceof ConnectionClosedError)) throw cause;
      return answerTo(daemon, request);
    })
    .catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw asJobError(daemon, cause);
    });
  const parsed = created.safeParse(answer);
  if (!parsed.success) throw badResponse(daemon, `${capitalised(daemon.role)} did not return job_id`);
  return parsed.data.job_id;
}

/** The events of a job: see `resumeStream`. */
export function readStream(daemon: Daemon, jobId: string, options: StreamOptions): AsyncGenerator<StreamEvent, void, void> {
  const open = (after: number) => openStream(daemon, jobId, { after, signal: options.signal });
  return resumeStream(daemon, jobId, { ...options, open });
}

/** @throws JobError job_not_found, job_already_ended; <role>_unreachable */
export async function cancelJob(daemon: Daemon, jobId: string): Promise<void> {
  try {
    await answerTo(daemon, { method: 'DELETE', path: `/v1/jobs/${encodeURIComponent(jobId)}` });
  } catch (cause) {
    throw asJobError(daemon, cause);
  }
}

/** One small request and its JSON answer. */
async function answerTo(daemon: Daemon, call: Call): Promise<unknown> {
  const silence = new Silence(PROMPT_ANSWER_DEADLINE_MS, 'ANSWER_DEADLINE', call.signal);
  try {
    const response = await silence.guard(send(daemon, { ...call, signal: silence.signal }));
    const text = await silence.guard(response.text());
    const answer = parseBounded(text, ANSWER_LIMITS[daemon.role].values);
    if (response.status !== 200) throw refusalOf(daemon, response.status, answer);
    return answer;
  } finally {
    silence.end();
  }
}

async function openStream(
  daemon: Daemon,
  jobId: string,
  { after, signal }: { after: number; signal: AbortSignal },
): Promise<AsyncIterable<string>> {
  const silence = new Silence(SILENCE_DEADLINE_MS, 'SILENCE_DEADLINE', signal);
  try {
    const headers = { accept: 'text/event-stream', 'last-event-id': String(after) };
    const path = `/v1/jobs/${encodeURIComponent(jobId)}/stream`;
    const response = await silence.guard(send(daemon, { method: 'GET', path, headers, signal: silence.signal }));
    if (response.status !== 200) throw await refusalIn(daemon, response, silence);
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (response.body !== null && isStream) return piecesOf(response.body, silence);
    throw badResponse(daemon, `The ${daemon.role} answered with something that is not a stream of events`);
  } catch (cause) {
    silence.end();
    throw cause;
  }
}

async function refusalIn(daemon: Daemon, response: Response, silence: Silence) {
  const text = await silence.guard(response.text());
  return refusalOf(daemon, response.status, parseBounded(text, ANSWER_LIMITS[daemon.role].values));
}

async function* piecesOf(body: ReadableStream<Uint8Array>, silence: Silence): AsyncGenerator<string, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await silence.guard(reader.read());
      if (done) return;
      silence.restart();
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    silence.end();
    await reader.cancel().catch(() => undefined);
  }
}

function send({ url, token }: Daemon, { path, headers = {}, ...init }: Call): Promise<Response> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${url}${path}`, { ...init, headers: { ...headers, ...authorization } } as RequestInit);
}

/** Aborts an exchange in which nothing arrives for too long, and names what broke it: fetch tells only that it failed. */
class Silence {
  readonly #withinMs: number;
  readonly #deadline: 'ANSWER_DEADLINE' | 'SILENCE_DEADLINE';
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(withinMs: number, deadline: 'ANSWER_DEADLINE' | 'SILENCE_DEADLINE', outer: AbortSignal | undefined) {
    this.#withinMs = withinMs;
    this.#deadline = deadline;
    this.#outer = outer;
    if (outer?.aborted === true) this.#onAbort();
    else outer?.addEventListener('abort', this.#onAbort);
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Something has arrived. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abort.abort(new DeadlineError(this.#deadline, this.#withinMs)), this.#withinMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onAbort);
  }

  /** @throws DeadlineError, ConnectionClosedError, the reason of the outer signal */
  async guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      this.#abort.signal.throwIfAborted();
      throw Object.assign(new ConnectionClosedError(), { cause });
    }
  }

  readonly #onAbort = (): void => this.#abort.abort(this.#outer?.reason);
}
