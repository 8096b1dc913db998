import { describe, expect, test } from 'vitest';
import type { Role } from '../../src/contract/index.ts';
import { refusalCode } from './answer.ts';
import { daemons } from './one-fleet.ts';
import { rawExchange } from './raw-exchange.ts';
import { expectNoDefects, type Daemon } from './three-daemons.ts';

const roles = ['queen', 'hive', 'worker'] as const;

/** Everything that a daemon answers, and something that it does not. */
function routesOf(role: Role): [method: string, path: string][] {
  return [
    ['GET', '/health'],
    ['POST', '/v1/jobs'],
    ['GET', '/v1/jobs'],
    ['GET', '/v1/jobs/job-missing'],
    ['DELETE', '/v1/jobs/job-missing'],
    ['GET', '/v1/jobs/job-missing/stream'],
    ['GET', '/v1/jobs/job-missing/trace'],
    ['GET', '/capabilities'],
    ['POST', '/v1/worker-heartbeat'],
    ['GET', '/v1/feed'],
    ['GET', '/v1/presence'],
    ['HEAD', '/health'],
    ['OPTIONS', '/v1/jobs'],
    ['GET', '/nowhere'],
    ['POST', '/nowhere'],
    ['GET', role === 'queen' ? '/' : '/v1/jobs/'],
  ];
}

/** Sends it with just these headers, as no browser-like client would. */
async function ask({ port }: Daemon, [method, path]: [string, string], headers: Record<string, string>) {
  const body = method === 'POST' ? '{"operation":"nothing"}' : '';
  const lines = Object.entries({
    ...headers,
    ...(body === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': String(body.length) }),
  });
  const head = [`${method} ${path} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), 'Connection: close'].join(
    '\r\n',
  );
  const { answers } = await rawExchange(port, Buffer.from(`${head}\r\n\r\n${body}`, 'latin1'), { answers: Infinity });
  const [answer] = answers;
  if (answer === undefined) throw new Error(`${method} ${path} was not answered`);
  return answer;
}

/** Without a token, on loopback. */
export function doors(): void {
  describe.each(roles)('a %s', (role) => {
    test.each<[string, (port: number) => Record<string, string>]>([
      ['a name that was made to point here', () => ({ Host: 'evil.example' })],
      ['a name that was made to point here, with our port', (port) => ({ Host: `evil.example:${port}` })],
      ['a name that begins like ours', () => ({ Host: 'localhost.evil.example' })],
      ['an address of this machine on which it does not listen', () => ({ Host: '0.0.0.0' })],
      ['an empty name', () => ({ Host: '' })],
      ['a page of another site', (port) => ({ Host: `localhost:${port}`, Origin: 'http://evil.example' })],
      ['a page of another port of this machine', (port) => ({ Host: `localhost:${port}`, Origin: 'http://localhost:3000' })],
      ['a page from a file, or in a sandbox', (port) => ({ Host: `localhost:${port}`, Origin: 'null' })],
      [
        'a page that was made to point here, which is its own origin',
        (port) => ({ Host: `evil.example:${port}`, Origin: `http://evil.example:${port}` }),
      ],
      ['a picture or a form in another site', (port) => ({ Host: `localhost:${port}`, 'Sec-Fetch-Site': 'cross-site' })],
      ['a picture in a page of another port', (port) => ({ Host: `localhost:${port}`, 'Sec-Fetch-Site': 'same-site' })],
    ])('serves nothing to %s', async (_name, headersFor) => {
      for (const route of routesOf(role)) {
        const { status, headers, body } = await ask(daemons[role], route, headersFor(daemons[role].port));
        expect(status, route.join(' ')).toBe(403);
        if (route[0] !== 'HEAD') expect(refusalCode(status, body)).toBe('forbidden_origin');
        expect(headers).not.toMatch(/access-control/i);
      }
    });

    test('serves its own host names, and never allows another origin to read', async () => {
      const { port } = daemons[role];
      for (const name of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'localhost']) {
        const { status, headers } = await ask(daemons[role], ['GET', '/health'], { Host: name, Origin: `http://${name}` });
        expect(status).toBe(200);
        expect(headers).not.toMatch(/access-control/i);
      }
    });

    test('refuses a form from a browser, which would need no permission to be sent', async () => {
      const { url } = daemons[role];
      for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=b']) {
        const headers = { 'content-type': type, origin: url, 'sec-fetch-site': 'same-origin' };
        const answer = await fetch(`${url}/v1/jobs`, { method: 'POST', headers, body: '{"operation":"worker_list"}' });
        expect(refusalCode(answer.status, await answer.text())).toBe('unsupported_media_type');
      }
    });
  });
}

export function doorsWithToken(token: string): void {
  const wrongOnes: [string, Record<string, string>][] = [
    ['none', {}],
    ['an empty header', { Authorization: '' }],
    ['no scheme', { Authorization: token }],
    ['no token', { Authorization: 'Bearer ' }],
    ['the scheme in small letters', { Authorization: `bearer ${token}` }],
    ['another scheme', { Authorization: `Basic ${Buffer.from(`:${token}`).toString('base64')}` }],
    ['its beginning', { Authorization: `Bearer ${token.slice(0, -1)}` }],
    ['one letter', { Authorization: `Bearer ${token.slice(0, 1)}` }],
    ['its beginning, and nothing where the rest was', { Authorization: `Bearer ${token.slice(0, -1)}\t` }],
    ['more than it', { Authorization: `Bearer ${token}x` }],
    ['it twice', { Authorization: `Bearer ${token}, Bearer ${token}` }],
    ['it in small letters', { Authorization: `Bearer ${token.toLowerCase()}` }],
    ['two spaces before it', { Authorization: `Bearer  ${token}` }],
    ['one as long as a header may be', { Authorization: `Bearer ${'x'.repeat(12_000)}` }],
    ['letters that are none of ASCII', { Authorization: 'Bearer \xff\xfe' }],
    ['it in another header', { 'X-Authorization': `Bearer ${token}` }],
    ['it in a cookie', { Cookie: `token=${token}` }],
  ];

  describe.each(roles)('a %s', (role) => {
    test.each(wrongOnes)('refuses %s on every route', async (_name, headers) => {
      for (const route of routesOf(role)) {
        const answer = await ask(daemons[role], route, { Host: 'localhost', ...headers });
        expect(answer.status, route.join(' ')).toBe(401);
        if (route[0] !== 'HEAD') expect(refusalCode(answer.status, answer.body)).toBe('unauthorized');
        expect(answer.headers + answer.body).not.toContain(token);
      }
    });

    test('does not accept the token in a URL', async () => {
      const answer = await ask(daemons[role], ['GET', `/health?token=${token}&authorization=Bearer%20${token}`], {
        Host: 'localhost',
      });
      expect(answer.status).toBe(401);
    });

    test('serves clients that have the token, under any host name, but no page of another site', async () => {
      const authorization = { Authorization: `Bearer ${token}` };
      expect((await ask(daemons[role], ['GET', '/health'], { Host: 'attic.lan', ...authorization })).status).toBe(200);
      const page = { Host: 'localhost', Origin: 'http://evil.example', ...authorization };
      expect((await ask(daemons[role], ['GET', '/health'], page)).status).toBe(403);
    });
  });

  test('no daemon reported an internal error', () => {
    expectNoDefects(daemons.swarm.home);
  });
}
