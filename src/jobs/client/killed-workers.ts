import type { IncomingHttpHeaders } from 'node:http';

/** How many workers ended while they computed the request, so that the hop below knows it too. */
export const KILLED_WORKERS_HEADER = 'x-rbee-killed-workers';

export function killedWorkersOf(headers: IncomingHttpHeaders): number {
  const said = headers[KILLED_WORKERS_HEADER];
  return typeof said === 'string' && /^\d$/.test(said) ? Number(said) : 0;
}

export function killedWorkersHeader(kills: number): Record<string, string> {
  return kills === 0 ? {} : { [KILLED_WORKERS_HEADER]: String(Math.min(kills, 9)) };
}
