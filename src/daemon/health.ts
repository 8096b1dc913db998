import assert from 'node:assert/strict';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { health as healthSchema, NETWORK_WORDS, parseJson, type Health } from '../contract/index.ts';
import { authorize, UnprovenError, type Trust } from '../proof/index.ts';
import { isSystemError } from './file-error.ts';

/** rbee's answer is about 200 bytes. */
const MAX_HEALTH_BYTES = 64 * 1024;

/**
 * The program at an address. Only 'rbee' speaks rbee's protocol and has proved the secret that was required; it may still be another role or
 * version: compare `health.role`, `.version` and, where no proof was required, `.home`.
 */
export type Probe =
  | { kind: 'absent'; /** For people, such as 'connection refused'. */ reason: string }
  /** Accepts the connection and sends nothing: a stopped process, or one too busy to answer. */
  | { kind: 'frozen' }
  | {
      kind: 'stranger';
      /** What it does, completing "What listens there …". */ what: string;
      /** Answers 401 or 403. */ isRefusal?: true;
    }
  /**
   * Answers as rbee does, without the proof: rbee of another home, token or version, or a program that pretends to be rbee.
   * Its health may be used in a message, and for nothing else.
   */
  | { kind: 'unproven'; health: Health }
  | { kind: 'rbee'; health: Health };

export interface ProbeOptions {
  withinMs: number;
  /** The secret that it must prove before it gets a request. */
  trust?: Trust | undefined;
}

/** Sends GET /health once, on a new connection. Never throws, and returns within `withinMs`. */
export async function probe(host: string, port: number, { withinMs, trust }: ProbeOptions): Promise<Probe> {
  if (!canBeSent(host)) return { kind: 'absent', reason: 'the host is neither a name nor an address' };
  const deadline = AbortSignal.timeout(withinMs);
  const found = await ask({ host, port }, { deadline, withinMs, trust });
  if (found !== 'unproven') return found;
  // It got no secret, and this request sends none either. Its own health helps a person to identify it.
  const claim = await ask({ host, port }, { deadline, withinMs, unproven: trust });
  assert(claim !== 'unproven', 'no proof was required');
  return claim.kind === 'rbee' ? { kind: 'unproven', health: claim.health } : claim;
}

interface Asking {
  deadline: AbortSignal;
  withinMs: number;
  trust?: Trust | undefined;
  /** The secret that it failed to prove before. */
  unproven?: Trust | undefined;
}

async function ask(
  to: { host: string; port: number },
  { deadline, withinMs, trust, unproven }: Asking,
): Promise<Probe | 'unproven'> {
  const call = request({ ...to, path: '/health', headers: { connection: 'close' }, agent: false, signal: deadline });
  const connection = { isMade: false };
  call.once('socket', (socket) => socket.once('connect', () => (connection.isMade = true)));
  try {
    return await judge(await answerOf(call, trust), unproven);
  } catch (error) {
    if (error instanceof UnprovenError) return 'unproven';
    if (deadline.aborted) {
      return connection.isMade ? { kind: 'frozen' } : { kind: 'absent', reason: `no connection within ${withinMs} ms` };
    }
    // Without a byte, it may be an rbee daemon that is exiting; with bytes, it is another program.
    const bytesRead = call.socket?.bytesRead ?? 0;
    return bytesRead > 0
      ? { kind: 'stranger', what: 'sends something other than an HTTP response' }
      : { kind: 'absent', reason: reasonOf(error) };
  } finally {
    call.destroy();
  }
}

function answerOf(call: ClientRequest, trust: Trust | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve).on('error', reject);
    // For a switch to another protocol, only 'close' is emitted.
    call.once('close', () => reject(new Error('connection closed without an answer')));
    if (trust === undefined) return void call.end();
    const send = (authorization: string) => {
      if (!call.destroyed) call.setHeader('authorization', authorization).end();
    };
    call.once('socket', (socket) => void authorize(socket, { trust }).then(send, reject));
  });
}

/** Node throws for characters that no header can contain. */
function canBeSent(text: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text);
}

async function judge(response: IncomingMessage, unproven: Trust | undefined): Promise<Probe> {
  const { statusCode } = response;
  if (statusCode === 401 || statusCode === 403) {
    const differs = unproven?.by === 'home' ? 'it is of another home, or of an older version' : 'check RBEE_TOKEN';
    return {
      kind: 'stranger',
      isRefusal: true,
      what: `refuses GET /health with status ${statusCode}; if it is rbee, ${differs}`,
    };
  }
  if (statusCode !== 200) return { kind: 'stranger', what: `answers GET /health with status ${statusCode}` };
  const body = await readBody(response);
  const parsed = body === undefined ? undefined : healthSchema.safeParse(parseJson(body));
  if (parsed?.success) return { kind: 'rbee', health: parsed.data };
  return { kind: 'stranger', what: 'answers GET /health, but not as rbee does' };
}

/** Undefined when it is longer than any answer of rbee. */
async function readBody(response: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_HEALTH_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const reasons: Record<string, string> = { ...NETWORK_WORDS, ECONNRESET: 'connection closed without an answer' };

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  // "socket hang up" carries ECONNRESET without being a system error, so the code is read from any error.
  const code = isSystemError(error) || 'code' in error ? String(error.code) : '';
  return reasons[code] ?? error.message;
}
