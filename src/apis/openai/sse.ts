export const SSE_TYPE = 'text/event-stream; charset=utf-8';

/** One event without a name. */
export function sse(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
