import type { Duplex } from 'node:stream';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { actorOf, errorCodes, type JobError, type Role } from '../../contract/index.ts';
import type { ErrorAnswer } from './path-rules.ts';

/** The error answer of all paths that have no other. */
export function errorAnswerOf(error: JobError, role: Role): ErrorAnswer {
  const { status, hint } = errorCodes[error.code];
  return { status, headers: {}, body: { error: { ...error.toWire(actorOf[role]), hint } } };
}

/** Answers with an error before the framework has seen the request. */
export function refuse(response: ServerResponse, { status, headers, body }: ErrorAnswer): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { ...JSON_HEADERS, ...headers, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Answers malformed or oversized HTTP, of which there is no request, and closes the connection. */
export function refuseConnection(socket: Duplex, error: JobError, role: Role): void {
  // Another answer must not go into the middle of one that is being sent.
  const isAnswering = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true;
  if (!socket.writable || isAnswering) {
    socket.destroy();
    return;
  }
  const { status, body } = errorAnswerOf(error, role);
  const text = JSON.stringify(body);
  const headers = { ...JSON_HEADERS, 'content-length': Buffer.byteLength(text), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`);
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };
