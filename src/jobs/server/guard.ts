import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { JobError, LOCALHOST, LOOPBACK } from '../../contract/index.ts';
import type { Callers } from './path-rules.ts';

const LOOPBACK_NAMES = new Set([LOCALHOST, LOOPBACK, '[::1]']);

/** @throws JobError unauthorized for an address beyond loopback without a token */
export function requireTokenBeyondLoopback(host: string, token: string | undefined): void {
  if (token !== undefined || isLoopback(host)) return;
  throw new JobError('unauthorized', `Listening on ${host} needs a token: set RBEE_TOKEN, or listen on ${LOOPBACK}`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Who may call, decided before anything is read. Without a token only loopback is served, and a page in a browser on this
 * machine must not get in: not by a name that it made point here (Host), not from another site (Origin, Sec-Fetch-Site).
 * The token is not asked for on a connection that has proved its knowledge of it, or of the home's secret, and under an open path.
 * @throws JobError forbidden_origin, unauthorized
 */
export function createGuard(options: {
  host: string;
  token: string | undefined;
}): (headers: IncomingHttpHeaders, caller?: { needsToken: boolean; callers?: Callers | undefined }) => void {
  const { token } = options;
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`);
  const names = new Set([...LOOPBACK_NAMES, options.host.includes(':') ? `[${options.host}]` : options.host]);
  return (headers, { needsToken, callers } = { needsToken: true }) => {
    const host = headers.host ?? '';
    const name = host.replace(/:\d+$/, '').toLowerCase();
    // With a token, a foreign name gains nothing; and by which names a machine is reached only its network knows.
    if (expected === undefined && !names.has(name) && callers?.names.has(name) !== true) {
      throw new JobError('forbidden_origin', `Host '${host.slice(0, 100)}' is not a name of this daemon`);
    }
    requireOrigin(headers, callers);
    if (expected === undefined || !needsToken) return;
    if (!keysOf(headers, callers).some((key) => timingSafeEqual(expected, digest(key)))) {
      throw new JobError('unauthorized', 'A token is required');
    }
  };
}

/** A page of a browser must be of this daemon, or of an origin that is allowed. */
function requireOrigin(headers: IncomingHttpHeaders, callers: Callers | undefined): void {
  const { origin, host = '' } = headers;
  if (origin !== undefined && callers?.allowsOrigin(origin) === true) return;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    const hint = callers === undefined ? {} : { hint: `To allow it, start the queen with RBEE_ORIGINS=${origin.slice(0, 100)}` };
    throw new JobError('forbidden_origin', `Origin '${origin.slice(0, 100)}' may not call this daemon`, hint);
  }
  // Another port of this machine is the same site to a browser, and another origin to us.
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new JobError('forbidden_origin', 'Another site may not call this daemon');
}

/** What may be the token, each in the form of an Authorization header. */
function keysOf(headers: IncomingHttpHeaders, callers: Callers | undefined): string[] {
  const keys = (callers?.keyHeaders ?? []).map((name) => headers[name]).filter((key) => typeof key === 'string');
  return [headers.authorization ?? '', ...keys.map((key) => `Bearer ${key}`)];
}

/** Digests have one length, so the comparison takes one time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
