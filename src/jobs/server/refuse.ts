import type { Duplex } from 'node:stream';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { actorOf, errorCodes, type JobError, type Role } from '../../contract/index.ts';

/** The body of an error answer. */
export function errorBodyOf(error: JobError, role: Role): object {
  return { error: { ...error.toWire(actorOf[role]), hint: errorCodes[error.code].hint } };
}

/** Answers with an error before the framework has seen the request. */
export function refuse(response: ServerResponse, error: JobError, errorBody: object): void {
  const body = JSON.stringify(errorBody);
  response.writeHead(errorCodes[error.code].status, { ...JSON_HEADERS, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Answers malformed or oversized HTTP, of which there is no request, and closes the connection. */
export function refuseConnection(socket: Duplex, error: JobError, role: Role): void {
  // Another answer must not go into the middle of one that is being sent.
  const isAnswering = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true;
  if (!socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const { status } = errorCodes[error.code];
  const body = JSON.stringify(errorBodyOf(error, role));
  const headers = { ...JSON_HEADERS, 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };
