import { RequestError } from './request-error.ts';

const SECONDS_OF: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600 };
/** A year: the most that the contract takes. */
const MOST_S = 31_536_000;

/**
 * `keep_alive` in seconds: a number, or a duration as Go writes it ('5m', '1h30m', '-1s'). Every negative one is -1: never.
 * @throws RequestError
 */
export function keepAliveOf(keepAlive: string | number | null | undefined): number | undefined {
  if (keepAlive === undefined || keepAlive === null || keepAlive === '') return undefined;
  const seconds = typeof keepAlive === 'number' ? keepAlive : secondsOf(keepAlive);
  return seconds < 0 ? -1 : Math.min(seconds, MOST_S);
}

function secondsOf(duration: string): number {
  const [, sign, rest = ''] = /^([+-]?)(.*)$/.exec(duration.trim()) ?? [];
  const factor = sign === '-' ? -1 : 1;
  if (/^\d+(\.\d+)?$/.test(rest)) return factor * Number(rest);
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(rest))
    throw new RequestError('keep_alive', `'${duration.slice(0, 40)}' is not a duration, such as '5m'`);
  const pieces = [...rest.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)];
  return factor * pieces.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS_OF[unit ?? ''] ?? 0), 0);
}
