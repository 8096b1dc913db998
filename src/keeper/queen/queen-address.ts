import { JobError, LOOPBACK, QUEEN_PORT } from '../../contract/index.ts';
import { tokenTrust, homeTrust, ownToken, queenPort } from '../../daemon/index.ts';
import type { Peer } from '../../jobs/client.ts';

export interface QueenAddress {
  host: string;
  port: number;
  /** Set by RBEE_QUEEN_URL: this keeper neither starts nor stops that queen, and its home is another one. */
  isElsewhere: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_HTTP_PORT = 80;

/** @throws JobError invalid_input for a setting that is not an address */
export function queenAddress(env: Environment = process.env): QueenAddress {
  const text = env['RBEE_QUEEN_URL'];
  if (!text) return { host: LOOPBACK, port: queenPort(env), isElsewhere: false };
  if (!URL.canParse(text)) throw notAnAddress(text);
  const url = new URL(text);
  if (url.protocol !== 'http:' || url.pathname !== '/' || url.username !== '') throw notAnAddress(text);
  // URL keeps the brackets of an IPv6 address; sockets need it without.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: url.port === '' ? DEFAULT_HTTP_PORT : Number(url.port), isElsewhere: true };
}

/** The queen of this home proves that it belongs to it; a queen elsewhere proves that it knows the token, where there is one. */
export function queenPeer({ host, port, isElsewhere }: QueenAddress): Peer {
  return { role: 'queen', name: 'queen', host, port, trust: isElsewhere ? tokenTrust(ownToken()) : homeTrust() };
}

/** For people: a queen elsewhere does not answer. */
export function awayText({ host, port }: QueenAddress, reason: string): string {
  return `the queen at ${host}:${port} (RBEE_QUEEN_URL) does not answer: ${reason}`;
}

function notAnAddress(text: string): JobError {
  const sentence = `RBEE_QUEEN_URL is '${text}'. Set it to an address such as http://192.168.1.7:${QUEEN_PORT}.`;
  return new JobError('invalid_input', sentence, { hint: '' });
}
