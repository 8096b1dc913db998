import { hostname } from 'node:os';
import type { Callers } from '../../jobs/index.ts';

/**
 * Who may call the inference APIs: also by the names by which containers and other programs reach this machine, and with the token in the
 * header of another vendor.
 * @param origins of pages that may call, separated by commas, with `*` for any characters: RBEE_ORIGINS
 */
export function apiCallers(origins: string | undefined): Callers {
  const patterns = (origins ?? '')
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')
    .map(asPattern);
  const own = hostname().toLowerCase();
  return {
    names: new Set(['host.docker.internal', own, `${own}.local`]),
    allowsOrigin: (origin) => patterns.some((pattern) => pattern.test(origin)),
    keyHeaders: ['x-api-key', 'api-key'],
  };
}

function asPattern(origin: string): RegExp {
  const literal = origin
    .replace(/\/$/, '')
    .split('*')
    .map((piece) => piece.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${literal.join('.*')}$`, 'i');
}
