import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CHALLENGE_HEADER, NONCE_BYTES, PROOF_PATH, addressOf, writeAuthorization, writeProof, readChallenge } from './wire.ts';
import { makeHomeSecret } from './home-secret.ts';
import { keyOfHome, keyOfToken, proofOf, type Trust } from './trust.ts';

/** What a daemon can prove that it knows. */
export interface Secrets {
  role: string;
  token: string | undefined;
  /** Of the secret of its home; undefined for a daemon that has none. */
  secretFile: string | undefined;
}

/** By connection: the authorization that its caller sends with each request once the daemon has proved itself. */
const expected = new WeakMap<Socket, string>();

export function isChallenge({ method, url }: IncomingMessage): boolean {
  return method === 'GET' && url === PROOF_PATH;
}

/** Whether the caller has answered with a proof of its own, on this connection. */
export function isProven({ socket, headers }: IncomingMessage): boolean {
  const wanted = Buffer.from(expected.get(socket) ?? '');
  const received = Buffer.from(headers.authorization ?? '');
  return wanted.length > 0 && wanted.length === received.length && timingSafeEqual(wanted, received);
}

/** @returns the header of the answer; undefined for a challenge without a key here */
export async function answerChallenge({ socket, headers }: IncomingMessage, secrets: Secrets): Promise<string | undefined> {
  const challenge = readChallenge(headers[CHALLENGE_HEADER]);
  const key = challenge && (await keyBy(challenge.by, secrets));
  if (challenge === undefined || key === undefined) return undefined;
  const handshake = {
    callerNonce: challenge.nonce,
    daemonNonce: randomBytes(NONCE_BYTES).toString('base64url'),
    role: secrets.role,
    from: addressOf(socket.remoteAddress, socket.remotePort),
    to: addressOf(socket.localAddress, socket.localPort),
  };
  expected.set(socket, writeAuthorization(proofOf(key, 'caller', handshake)));
  return writeProof(handshake, proofOf(key, 'daemon', handshake));
}

async function keyBy(by: Trust['by'], { token, secretFile }: Secrets): Promise<Buffer | undefined> {
  if (by === 'token') return token === undefined ? undefined : keyOfToken(token);
  if (secretFile === undefined) return undefined;
  // In a deleted home no secret can be stored.
  const secret = await makeHomeSecret(secretFile, { unlessPresent: true }).catch(() => undefined);
  return secret === undefined ? undefined : keyOfHome(secret);
}
