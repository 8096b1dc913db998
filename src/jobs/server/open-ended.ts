import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

/**
 * Starts an answer that lasts until the connection closes. Returns where to write it: the socket itself. Without
 * chunked framing a write is one call into the kernel and nothing else, which is most of what a hop costs per event.
 * `response.end()` closes. Its own last event shows that an answer is whole, not HTTP.
 */
export function beginOpenEnded(response: ServerResponse, headers: Record<string, string>): Writable {
  response.shouldKeepAlive = false;
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, headers);
  response.flushHeaders();
  // A request that was pipelined behind another has no socket yet; then Node keeps what is written until it has.
  return response.socket ?? response;
}
