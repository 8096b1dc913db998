export { formatBytes as bytes } from '../../contract/index.ts';

/** In the two largest units: '41 ms', '2.5 s', '3 min 20 s', '2 h 5 min', '3 d 4 h'. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return two(seconds, { per: 60, units: ['min', 's'] });
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return two(minutes, { per: 60, units: ['h', 'min'] });
  return two(Math.round(minutes / 60), { per: 24, units: ['d', 'h'] });
}

/** An uptime, known in whole seconds: never '0 ms'. */
export function uptime(seconds: number): string {
  return seconds < 60 ? `${Math.round(seconds)} s` : duration(seconds * 1000);
}

/** 12.34 → '12.3', 152.4 → '152', 1520 → '1520'. */
export function rate(perSecond: number): string {
  return perSecond >= 99.95 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

/** '3 tokens', '1 token'. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** The local time of day, with the date unless it is today. */
export function clock(iso: string, now = new Date()): string {
  const at = new Date(iso);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':');
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())} ${time}`;
}

function two(value: number, { per, units }: { per: number; units: [string, string] }): string {
  const rest = value % per;
  const whole = `${Math.floor(value / per)} ${units[0]}`;
  return rest === 0 ? whole : `${whole} ${rest} ${units[1]}`;
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0');
}
