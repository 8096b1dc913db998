import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { daemons } from './one-fleet.ts';

const TINY = new URL('../../models/rbee-tiny-Q8_0.gguf', import.meta.url).pathname;

/** Every secret that this suite uses, each a word of its own. */
export const secrets = {
  token: 'Nectar-fleet-token-71',
  wrongToken: 'Nectar-wrong-token-72',
  user: 'Nectar-user-73',
  password: 'Nectar-password-74',
  query: 'Nectar-query-75',
  signature: 'Nectar-signature-76',
  cookie: 'Nectar-cookie-77',
  answered: 'Nectar-answered-78',
  environment: 'Nectar-environment-79',
  typo: 'Nectar-typo-80',
} as const;

let mirror: Server;
let host: string;
const asked: { path: string; authorization: string | undefined }[] = [];

async function cut(response: ServerResponse): Promise<void> {
  const bytes = await readFile(TINY);
  response.writeHead(200, { etag: '"1"', 'content-length': bytes.length });
  response.write(bytes.subarray(0, 200_000), () => response.destroy());
}

const login = `${secrets.user}:${secrets.password}@`;
const query = `token=${secrets.query}&X-Amz-Signature=${secrets.signature}`;
const output: string[] = [];

async function rbee(args: string[]): Promise<number | null> {
  const { code, stdout, stderr } = await daemons.swarm.rbee(args);
  output.push(stdout, stderr);
  return code;
}

export function leaks(): void {
  beforeAll(async () => {
    mirror = createServer((request, response) => {
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization });
      const path = new URL(request.url ?? '', 'http://mirror').pathname;
      if (path === '/moved.gguf') response.writeHead(302, { location: `/m.gguf?signature=${secrets.signature}` }).end();
      else if (path === '/away.gguf')
        response.writeHead(302, { location: `ftp://${secrets.user}:${secrets.signature}@elsewhere/m.gguf` }).end();
      else if (path === '/login.gguf')
        response.writeHead(401, { 'www-authenticate': `Basic realm="${secrets.answered}"` }).end(secrets.answered);
      else if (path === '/broken.gguf')
        response.writeHead(200, { 'content-length': '100', 'set-cookie': secrets.cookie }).end(`<html>x`);
      else if (path === '/cut.gguf') void cut(response);
      else
        void readFile(TINY).then((bytes) => response.writeHead(200, { etag: '"1"', 'content-length': bytes.length }).end(bytes));
    }).listen(0, '127.0.0.1');
    await once(mirror, 'listening');
    host = `127.0.0.1:${(mirror.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    mirror.closeAllConnections();
    mirror.close();
  });

  test('a model is downloaded with credentials, and listed without them', async () => {
    expect(await rbee(['model', 'download', `http://${login}${host}/m.gguf?${query}`, '--name', 'bee', '-v'])).toBe(0);
    expect(asked.at(-1)).toEqual({
      path: `/m.gguf?${query}`,
      authorization: `Basic ${Buffer.from(`${secrets.user}:${secrets.password}`).toString('base64')}`,
    });
    expect(await rbee(['model', 'download', `http://${login}${host}/moved.gguf?${query}`, '--name', 'moved', '-v'])).toBe(0);
    // The same name from elsewhere: the sentence names the other source.
    expect(await rbee(['model', 'download', `http://${login}${host}/other.gguf?${query}`, '--name', 'bee'])).toBe(2);
    for (const args of [['model', 'list'], ['model', 'get', 'bee'], ['status'], ['jobs']]) {
      expect(await rbee(args)).toBe(0);
      expect(await rbee([...args, '--json'])).toBe(0);
    }
  });

  test.each([
    ['a server that redirects to another protocol', '/away.gguf'],
    ['a server that asks for a login', '/login.gguf'],
    ['a server that sends a page', '/broken.gguf'],
  ])('a download from %s fails without telling them', async (_name, path) => {
    expect(await rbee(['model', 'download', `http://${login}${host}${path}?${query}`, '--name', 'failed', '-v'])).toBeGreaterThan(
      0,
    );
  });

  test('a cancelled download leaves no credentials beside its part', async () => {
    const running = daemons.swarm.start([
      'model',
      'download',
      `http://${login}${host}/cut.gguf?${query}`,
      '--name',
      'half',
      '-v',
    ]);
    await running.says('stderr', /trying again/);
    running.child.kill('SIGINT');
    const { stdout, stderr } = await running.ended;
    output.push(stdout, stderr);
  });

  test.each([
    ['model', 'download', `ftp://${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['model', 'download', `http//${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['model', 'download', `${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['model', 'download', `file://${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['model', 'download', `http://${login}127.0.0.1:1/m.gguf?token=${secrets.typo}`],
    ['model', 'get', `http://${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['model', 'delete', `http://${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['worker', 'spawn', '--model', `http://${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['infer', 'hello', '--model', `http://${login}hive.example/m.gguf?token=${secrets.typo}`],
    ['worker', 'spawn', '--model', `${secrets.user}:${secrets.password}@hive.example/m.gguf?token=${secrets.typo}`],
  ])('%s %s %s fails without telling them', async (...args) => {
    expect(await rbee([...args.filter((arg) => typeof arg === 'string'), '-v'])).toBeGreaterThan(0);
  });

  test('a wrong token and unusual headers are stored nowhere', async () => {
    for (const { url } of [daemons.queen, daemons.hive, daemons.worker]) {
      for (const authorization of [`Bearer ${secrets.wrongToken}`, `Basic ${secrets.wrongToken}`, `Bearer ${secrets.token}`]) {
        for (const path of ['/v1/jobs', '/v1/jobs/job-missing', `/nowhere?token=${secrets.query}`]) {
          const headers = {
            authorization,
            cookie: secrets.cookie,
            'x-api-key': secrets.cookie,
            'content-type': 'application/json',
          };
          const answer = await fetch(url + path, { method: 'POST', headers, body: `{"operation":"${secrets.query}"` });
          await answer.text();
          expect(answer.status).toBeGreaterThanOrEqual(400);
        }
      }
    }
  });

  test('no file of any daemon and no output of a command contains a secret', async () => {
    const files = execFileSync('find', [daemons.swarm.home, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n');
    const kinds = [
      /\.ndjson$/,
      /queen\.db/,
      /hive\.db/,
      /queen\.log$/,
      /hive\.log$/,
      /worker-[0-9a-f]+\.log$/,
      /\.json$/,
      /\.part\.json$/,
    ];
    for (const kind of kinds) expect(files.filter((file) => kind.test(file)).length, String(kind)).toBeGreaterThan(0);
    for (const file of files) expect(secretsIn(await readFile(file)), file).toEqual([]);
    expect(secretsIn(Buffer.from(output.join('\n')))).toEqual([]);
  });

  test('no record, stream or trace of any job contains a secret', async () => {
    const authorization = { authorization: `Bearer ${secrets.token}` };
    for (const { url } of [daemons.queen, daemons.hive, daemons.worker]) {
      const list = await (await fetch(`${url}/v1/jobs?limit=1000`, { headers: authorization })).text();
      expect(secretsIn(Buffer.from(list))).toEqual([]);
      for (const { job_id } of (JSON.parse(list) as { jobs: { job_id: string }[] }).jobs) {
        for (const path of [`/v1/jobs/${job_id}/stream`, `/v1/jobs/${job_id}/stream?format=text`, `/v1/jobs/${job_id}/trace`]) {
          expect(secretsIn(Buffer.from(await (await fetch(url + path, { headers: authorization })).text())), path).toEqual([]);
        }
      }
    }
  });

  test('no command line of any process contains the token', () => {
    for (const { pid } of [daemons.queen, daemons.hive, daemons.worker]) {
      expect(secretsIn(Buffer.from(execFileSync('ps', ['-o', 'args=', '-p', String(pid)])))).toEqual([]);
    }
  });

  test('files that may contain a secret are readable for their owner only', async () => {
    const open = execFileSync(
      'find',
      [
        daemons.swarm.home,
        '-mindepth',
        '1',
        '(',
        '-name',
        '*.log',
        '-o',
        '-name',
        '*.ndjson',
        '-o',
        '-name',
        '*.db*',
        '-o',
        '-name',
        '*.json',
        ')',
        '-perm',
        '/077',
      ],
      { encoding: 'utf8' },
    );
    expect(open).toBe('');
    const folders = execFileSync(
      'find',
      [daemons.swarm.home, '-mindepth', '1', '-maxdepth', '1', '-type', 'd', '-perm', '/077'],
      {
        encoding: 'utf8',
      },
    );
    expect(folders).toBe('');
  });
}

/** As they are, in base64 as a header carries them, and as a URL does. */
function secretsIn(bytes: Buffer): string[] {
  const basic = Buffer.from(`${secrets.user}:${secrets.password}`).toString('base64');
  return [...Object.values(secrets), basic].filter((secret) => bytes.includes(secret));
}
