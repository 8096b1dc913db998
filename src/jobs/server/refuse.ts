import type { Duplex } from 'node:stream';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { actorOf, errorCodes, type JobError, type Role } from '../../contract/index.ts';

/** What a refusal says, whoever makes it. */
export function refusalBody(error: JobError, role: Role) {
  return { error: { ...error.toWire(actorOf[role]), hint: errorCodes[error.code].hint } };
}

/** Before the framework has seen the request. */
export function refuse(response: ServerResponse, error: JobError, role: Role): void {
  const body = JSON.stringify(refusalBody(error, role));
  response.writeHead(errorCodes[error.code].status, { ...JSON_HEADERS, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Where there is not even a request: what came is not HTTP, or too much of it. The connection is of no use any more. */
export function refuseConnection(socket: Duplex, error: JobError, role: Role): void {
  // An answer that is under way must not get another one into its middle.
  const isAnswering = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true;
  if (!socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const { status } = errorCodes[error.code];
  const body = JSON.stringify(refusalBody(error, role));
  const headers = { ...JSON_HEADERS, 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };
