import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

/**
 * Begins an answer that goes on until the connection closes, and gives back where to write it: the socket itself. Without
 * chunked framing a write is one call into the kernel and nothing else, which is most of what a hop costs per event.
 * `response.end()` closes. Whether an answer is whole is told by its own last event, not by HTTP.
 */
export function beginOpenEnded(response: ServerResponse, headers: Record<string, string>): Writable {
  response.shouldKeepAlive = false;
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, headers);
  response.flushHeaders();
  // A request that was pipelined behind another has no socket yet; then Node keeps what is written until it has.
  return response.socket ?? response;
}
