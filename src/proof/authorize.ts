import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { keyOf, proofOf, UnprovenError, type Handshake, type Trust } from './trust.ts';
import {
  addressOf,
  CHALLENGE_HEADER,
  NONCE_BYTES,
  PROOF_HEADER,
  PROOF_PATH,
  readProof,
  writeAuthorization,
  writeChallenge,
} from './wire.ts';

/** A daemon's answer is about 400 bytes. */
const ANSWER_LIMIT_BYTES = 8 * 1024;
const PROOF_STATUS = 'HTTP/1.1 204 ';
const END_OF_HEAD = '\r\n\r\n';

export interface Wanted {
  trust: Trust;
  /** Undefined where a daemon of any role will do: its health reports which one it is. */
  role?: string;
}

/** By connection: what was proved on it, and the header of the requests that follow. */
const authorized = new WeakMap<Socket, { wanted: string; authorization: string }>();

/**
 * Lets the daemon at the other end of a connection prove itself, before a request is sent on it. The proof holds for that
 * connection alone: a new one may end at another process.
 * @param socket given to an HTTP request that has not been sent yet
 * @returns the header `authorization` for all requests on it
 * @throws UnprovenError. It does not settle while the other side is silent, nor when the connection closes: the request reports that
 */
export async function authorize(socket: Socket, { trust, role }: Wanted): Promise<string> {
  const wanted = JSON.stringify([trust, role]);
  const known = authorized.get(socket);
  if (known?.wanted === wanted) return known.authorization;
  const callerNonce = randomBytes(NONCE_BYTES).toString('base64url');
  const answer = await ask(socket, writeChallenge(trust.by, callerNonce));
  const received = readProof(headerIn(answer) ?? '', callerNonce);
  // Before anything else is awaited: a program that closes the connection with its answer would be reported as a broken connection.
  if (received === undefined) throw new UnprovenError(trust.by, socket.remotePort);
  // Read after the answer: the daemon may have had to make the secret first.
  const key = await keyOf(trust);
  const isProven =
    key !== undefined &&
    timingSafeEqual(received.proof, proofOf(key, 'daemon', received.handshake)) &&
    (role === undefined || received.handshake.role === role) &&
    endsHere(socket, trust, received.handshake);
  if (!isProven) throw new UnprovenError(trust.by, socket.remotePort);
  const authorization = writeAuthorization(proofOf(key, 'caller', received.handshake));
  authorized.set(socket, { wanted, authorization });
  return authorization;
}

/** A relay of the challenge has another connection to the daemon, and on one machine no two connections are between the same ports. */
function endsHere(socket: Socket, trust: Trust, { from, to }: Handshake): boolean {
  if (trust.by === 'token') return trust.port === undefined || to.endsWith(`:${trust.port}`);
  return from === addressOf(socket.localAddress, socket.localPort) && to === addressOf(socket.remoteAddress, socket.remotePort);
}

/** The head of an answer without a body, read here and not by the parser of the waiting request. */
async function ask(socket: Socket, challenge: string): Promise<string> {
  const parser = socket.listeners('data') as ((chunk: Buffer) => void)[];
  socket.removeAllListeners('data');
  let head = '';
  const answered = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (
        !PROOF_STATUS.startsWith(head.slice(0, PROOF_STATUS.length)) ||
        head.includes(END_OF_HEAD) ||
        head.length > ANSWER_LIMIT_BYTES
      )
        resolve();
    });
  });
  socket.write(`GET ${PROOF_PATH} HTTP/1.1\r\nhost: localhost\r\n${CHALLENGE_HEADER}: ${challenge}${END_OF_HEAD}`);
  await answered;
  socket.removeAllListeners('data');
  for (const listener of parser) socket.on('data', listener);
  return head;
}

/** Undefined unless the answer is a proof: nothing may follow its head. */
function headerIn(answer: string): string | undefined {
  const isProof = answer.startsWith(PROOF_STATUS) && answer.indexOf(END_OF_HEAD) === answer.length - END_OF_HEAD.length;
  const [, header] = new RegExp(`^${PROOF_HEADER}: (.*)\\r$`, 'im').exec(answer) ?? [];
  return isProof ? header : undefined;
}
