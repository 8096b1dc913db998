import { once } from 'node:events';
import * as http from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { beginChunked } from './chunked.ts';

const TEXTS = ['a', '', 'é\r\n', '0\r\n\r\n', 'b'];

const server = http.createServer((_request, response) => {
  const out = beginChunked(response, { 'content-type': 'text/plain' });
  for (const each of TEXTS) out.write(each);
  response.end();
});
beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'));
afterAll(() => new Promise((resolve) => server.close(resolve)));

async function answerTo(...lines: string[]): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.end(lines.join('\r\n'));
  return text(socket);
}

test('an answer has every text, also an empty one and one that looks like an end, and its connection serves the next request', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (let request = 0; request < 2; request += 1) {
    const [response] = (await once(http.get({ port: (server.address() as AddressInfo).port, agent }), 'response')) as [
      http.IncomingMessage,
    ];
    ports.add(response.socket.localPort);
    expect(await text(response)).toBe(TEXTS.join(''));
  }
  agent.destroy();
  expect(ports.size).toBe(1);
});

test('a pipelined request gets its answer behind the first', async () => {
  const request = ['GET / HTTP/1.1', 'host: localhost', '', ''];
  const answer = await answerTo([...request, ...request].join('\r\n'));
  expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(answer.match(/\r\n1\r\nb\r\n0\r\n\r\n/g)).toHaveLength(2);
});

test('a client of HTTP/1.0 gets the texts without chunks', async () => {
  const answer = await answerTo('GET / HTTP/1.0', '', '');
  expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toBe(TEXTS.join(''));
});
