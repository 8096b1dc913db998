import { RequestError } from './request-error.ts';

const UNITS_S: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };
const DURATION = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;
const LONGEST_S = 31_536_000;

/**
 * Ollama's `keep_alive`: seconds, or a duration as Go writes it, such as '5m' or '1h30m'; below 0 for a model that is never unloaded.
 * @throws RequestError
 */
export function keepAliveSeconds(value: number | string | null | undefined): number | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  const seconds = typeof value === 'number' ? value : /^[+-]?\d+(?:\.\d+)?$/.test(value) ? Number(value) : durationOf(value);
  return seconds < 0 ? -1 : Math.min(seconds, LONGEST_S);
}

function durationOf(text: string): number {
  if (!DURATION.test(text)) throw new RequestError('keep_alive', "must be seconds, or a duration such as '5m' or '1h30m'");
  const parts = text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g);
  const seconds = [...parts].reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS_S[unit] ?? 0), 0);
  return text.startsWith('-') ? -seconds : seconds;
}
