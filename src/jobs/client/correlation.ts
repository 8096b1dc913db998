export const CORRELATION_HEADER = 'x-correlation-id';

const CORRELATION_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** Made by the first hop, carried by all. Its default form is the trace id of W3C Trace Context: 32 hexadecimal digits. */
export function newCorrelationId(): string {
  return randomHex(16);
}

/** The caller's id, if it sent a sane one; its trace id; or a new one. */
export function correlationIdOf(headers: Record<string, string | string[] | undefined>): string {
  const own = headers[CORRELATION_HEADER];
  if (typeof own === 'string' && CORRELATION_ID.test(own)) return own;
  const trace = typeof headers['traceparent'] === 'string' ? TRACEPARENT.exec(headers['traceparent'])?.[1] : undefined;
  return trace ?? newCorrelationId();
}

export function correlationHeaders(correlationId: string): Record<string, string> {
  const headers: Record<string, string> = { [CORRELATION_HEADER]: correlationId };
  if (/^[0-9a-f]{32}$/.test(correlationId)) headers['traceparent'] = `00-${correlationId}-${randomHex(8)}-01`;
  return headers;
}

/** With Web Crypto, which browsers have too. */
function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
