import { createHmac, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { readHomeSecret } from './home-secret.ts';

/** What a daemon has to prove on a connection before anything else is sent on it. */
export type Trust =
  /** That it can read the secret of this home, and that it is the other end of this very connection. */
  | { readonly by: 'home'; /** Of the secret. */ readonly file: string }
  /** That it knows the token; with a port, that it listens on that port of its own machine. */
  | { readonly by: 'token'; readonly token: string; readonly port?: number };

/** Named like Node's own network errors, so that one table explains them all. */
export class UnprovenError extends Error {
  override readonly name = 'UnprovenError';
  readonly code = 'UNPROVEN';

  constructor(by: Trust['by'], port: number | undefined) {
    const what = by === 'home' ? 'that it belongs to this home' : 'that it knows the token';
    super(`what listens on port ${port} does not prove ${what}, so nothing was sent to it`);
  }
}

/** All that both sides have to agree on. */
export interface Handshake {
  /** New for each connection, one from each side: no proof can be used twice. */
  callerNonce: string;
  daemonNonce: string;
  role: string;
  /** The connection as the daemon sees it, `address:port` of each end. */
  from: string;
  to: string;
}

/** @returns undefined where the home has no secret */
export async function keyOf(trust: Trust): Promise<Buffer | undefined> {
  if (trust.by === 'token') return keyOfToken(trust.token);
  const secret = await readHomeSecret(trust.file);
  return secret === undefined ? undefined : keyOfHome(secret);
}

export function keyOfHome(secret: string): Buffer {
  return Buffer.from(secret, 'base64url');
}

/** The side is part of the proof, so that the proof of one side cannot be sent back as the other's. */
export function proofOf(key: Buffer, side: 'daemon' | 'caller', handshake: Handshake): Buffer {
  const { callerNonce, daemonNonce, role, from, to } = handshake;
  const signed = JSON.stringify(['rbee', side, callerNonce, daemonNonce, role, from, to]);
  return createHmac('sha256', key).update(signed).digest();
}

const KEY_BYTES = 32;
/** Takes 4 MB and about 10 ms. */
const STRETCHING = { N: 4096, r: 8, p: 1 };

const keys = new Map<string, Promise<Buffer>>();

/** Any program that can connect may get a proof and try tokens on it offline: a token chosen by a person must be expensive to try. */
export function keyOfToken(token: string): Promise<Buffer> {
  let key = keys.get(token);
  if (key === undefined) keys.set(token, (key = stretch(token)));
  return key;
}

const scryptAsync = promisify<string, string, number, typeof STRETCHING, Buffer>(scrypt);

function stretch(token: string): Promise<Buffer> {
  return scryptAsync(token, 'rbee token', KEY_BYTES, STRETCHING);
}
