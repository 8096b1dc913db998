import type { Handshake, Trust } from './trust.ts';

/*
 * Two processes that share a secret prove it to each other on a connection, and neither sends it. The first request is
 *   GET /v1/proof        x-rbee-challenge: <home|token> <nonce of the caller>
 * and is answered with 204 and
 *   x-rbee-proof: <nonce of the daemon> <role> <caller's address:port> <daemon's address:port> <HMAC>
 * Every further request on that connection has `authorization: rbee <HMAC>`. Both HMACs are of all of the above. Nonces and HMACs are base64url.
 */

export const PROOF_PATH = '/v1/proof';
export const CHALLENGE_HEADER = 'x-rbee-challenge';
export const PROOF_HEADER = 'x-rbee-proof';
export const NONCE_BYTES = 32;

const CHALLENGE = /^(home|token) ([A-Za-z0-9_-]{43})$/;
const PROOF = /^([A-Za-z0-9_-]{43}) (\S{1,32}) (\S{1,64}) (\S{1,64}) ([A-Za-z0-9_-]{43})$/;

export function writeChallenge(by: Trust['by'], nonce: string): string {
  return `${by} ${nonce}`;
}

/** @returns undefined for a malformed header */
export function readChallenge(header: unknown): { by: Trust['by']; nonce: string } | undefined {
  const [, by, nonce] = CHALLENGE.exec(String(header)) ?? [];
  return by === undefined || nonce === undefined ? undefined : { by: by as Trust['by'], nonce };
}

export function writeProof({ daemonNonce, role, from, to }: Handshake, proof: Buffer): string {
  return [daemonNonce, role, from, to, proof.toString('base64url')].join(' ');
}

/** @returns undefined for a malformed header */
export function readProof(header: string, callerNonce: string): { handshake: Handshake; proof: Buffer } | undefined {
  const [, daemonNonce, role, from, to, proof] = PROOF.exec(header) ?? [];
  if (daemonNonce === undefined || role === undefined || from === undefined || to === undefined || proof === undefined)
    return undefined;
  return { handshake: { callerNonce, daemonNonce, role, from, to }, proof: Buffer.from(proof, 'base64url') };
}

export function writeAuthorization(proof: Buffer): string {
  return `rbee ${proof.toString('base64url')}`;
}

/** One end of a connection. A dual-stack socket reports an IPv4 address as `::ffff:…`. */
export function addressOf(address: string | undefined, port: number | undefined): string {
  return `${address?.replace(/^::ffff:(?=\d+\.)/, '')}:${port}`;
}
