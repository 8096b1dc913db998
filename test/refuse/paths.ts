import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationName } from '../../src/contract/index.ts';
import { daemons } from './one-fleet.ts';

const TINY = new URL('../../models/rbee-tiny-Q8_0.gguf', import.meta.url).pathname;
/** Opening a pipe that has no writer would block indefinitely. */
const ANSWER_WITHIN_MS = 60_000;

let outside: string;
let models: string;

type Ending = { kind: 'result' | 'failed' | 'cancelled' | 'refused'; code?: string; message?: string; text: string };

/** How an operation ends on the hive, refused at the door or later. */
async function end(operation: OperationName, input: object): Promise<Ending> {
  const { url } = daemons.hive;
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const headers = { 'content-type': 'application/json' };
  const posted = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ operation, ...input }),
    signal,
  });
  const answer = (await posted.json()) as { sse_url?: string; error?: { code: string; message: string } };
  if (answer.sse_url === undefined) return { kind: 'refused', ...answer.error, text: JSON.stringify(answer) };
  const text = await (await fetch(url + answer.sse_url, { signal })).text();
  const [, kind = '', data = '{}'] = /event: (result|failed|cancelled)\ndata: (.*)\n/.exec(text) ?? [];
  return { ...(JSON.parse(data) as object), kind: kind as Ending['kind'], text };
}

async function expectRefused(operation: OperationName, input: object, code: RegExp): Promise<void> {
  const ending = await end(operation, input);
  expect(['refused', 'failed'], ending.text).toContain(ending.kind);
  expect(ending.code, ending.text).toMatch(code);
  expect(ending.code, ending.text).not.toBe('internal');
  expect(ending.text).not.toMatch(/the secret of|root:x:|RBEE_/);
}

/** Node itself makes none. */
function makePipe(path: string): void {
  execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
}

const upwards = [
  '../escape',
  '../../escape',
  '..',
  '.',
  '.hidden',
  '/etc/escape',
  'a/b',
  'a\\b',
  '..\\escape',
  'a\0b',
  '-rf',
  '',
  'a b',
  'ä',
  'a'.repeat(129),
  '..%2fescape',
];

export function paths(): void {
  beforeAll(async () => {
    outside = await mkdtemp(join(tmpdir(), 'rbee-outside-'));
    models = join(daemons.swarm.home, 'data', 'models');
    await mkdir(models, { recursive: true });
    await writeFile(join(outside, 'secret.txt'), 'the secret of the hive');
    await copyFile(TINY, join(outside, 'bee.gguf'));
  });
  afterAll(async () => {
    await rm(outside, { recursive: true });
  });

  test.each(upwards)('a model is never stored under the name %j', async (name) => {
    await expectRefused('model_download', { model: TINY, name }, /^invalid_input$/);
  });

  test.each([...upwards, '__proto__', 'constructor', '../models/tiny', './tiny', 'tiny/', 'tiny.gguf/..'])(
    'the model %j is not found, shown, deleted or loaded',
    async (model) => {
      await expectRefused('model_get', { model }, /^(model_not_found|invalid_input)$/);
      await expectRefused('model_delete', { model }, /^(model_not_found|model_protected|invalid_input)$/);
      await expectRefused('worker_spawn', { model }, /^(model_not_found|invalid_input)$/);
    },
  );

  test('requests with such names have written or deleted no file', async () => {
    expect((await readdir(outside)).toSorted()).toEqual(['bee.gguf', 'secret.txt']);
    expect((await readdir(models)).filter((file) => file !== '.writer.lock')).toEqual([]);
    expect((await readdir(join(daemons.swarm.home, 'data'))).filter((file) => file.includes('escape'))).toEqual([]);
  });

  test('a file that is not a model is refused, and its content is not quoted', async () => {
    const secret = join(outside, 'secret.txt');
    for (const model of [
      secret,
      `file://${secret}`,
      'file:///etc/passwd',
      '/etc/passwd',
      '/proc/self/environ',
      '/proc/self/mem',
    ]) {
      await expectRefused('worker_spawn', { model }, /^(model_not_found|model_corrupt)$/);
      await expectRefused('infer', { model, prompt: 'x' }, /^(model_not_found|model_corrupt)$/);
    }
    for (const model of [secret, `file://${secret}`, '/etc/passwd', '/proc/self/environ', '/proc/self/mem']) {
      await expectRefused('model_download', { model, name: 'proc' }, /^(model_corrupt|download_failed)$/);
    }
  });

  test.each([
    'file://attic/bee.gguf',
    'file://localhost:80/bee.gguf',
    'file:bee.gguf%2f',
    'file:///%00.gguf',
    'file:///a%2f..%2fb.gguf',
    'bee.gguf',
    './bee.gguf',
    '../bee.gguf',
    '~/bee.gguf',
    '\\\\attic\\bee.gguf',
    'ftp://attic/bee.gguf',
    'data:application/octet-stream;base64,R0dVRg==',
    'javascript:1',
    'gopher://attic/bee.gguf',
    ' ',
    '\0',
  ])('nothing is fetched from %j', async (model) => {
    await expectRefused('model_download', { model, name: 'bee' }, /^(invalid_input|download_failed)$/);
  });

  test('a path that no file can have is an error with a reason', async () => {
    const loop = join(outside, 'loop.gguf');
    await symlink(loop, loop);
    const paths = [
      `/${'a'.repeat(300)}.gguf`,
      `/${'a/'.repeat(400)}b.gguf`,
      '/etc/\0.gguf',
      `${TINY}/inside.gguf`,
      loop,
      '/',
      '/..',
    ];
    for (const model of paths) {
      await expectRefused('worker_spawn', { model }, /^model_not_found$/);
      await expectRefused('model_download', { model, name: 'bee' }, /^(download_failed|invalid_input)$/);
    }
  });

  test('an unreadable path is an error with a reason, unless the user is root', async () => {
    const closed = join(outside, 'closed.gguf');
    await copyFile(TINY, closed);
    await chmod(closed, 0);
    const ending = await end('worker_spawn', { model: closed });
    if (process.getuid?.() === 0) expect(ending.kind).toBe('result');
    else
      expect(ending).toMatchObject({
        kind: 'failed',
        code: 'model_not_found',
        message: expect.stringContaining('permission denied') as string,
      });
    await rm(closed);
  });

  test('a pipe, a device and a folder with the name of a model are refused at once', async () => {
    const pipe = join(outside, 'pipe.gguf');
    makePipe(pipe);
    const links = { zero: '/dev/zero', pipe, folder: outside, tty: '/dev/tty', nowhere: join(outside, 'missing.gguf') };
    for (const [name, target] of Object.entries(links)) {
      const link = join(outside, `link-to-${name}.gguf`);
      await symlink(target, link);
      for (const path of name === 'pipe' ? [link, pipe] : [link]) {
        await expectRefused('worker_spawn', { model: path }, /^model_not_found$/);
        await expectRefused('infer', { model: path, prompt: 'x' }, /^model_not_found$/);
        await expectRefused('model_download', { model: path, name: 'bee' }, /^download_failed$/);
      }
    }
  });

  test('a file in the folder of models that was not downloaded is not a model, wherever it links to', async () => {
    await symlink(join(outside, 'bee.gguf'), join(models, 'planted.gguf'));
    await expectRefused('worker_spawn', { model: 'planted' }, /^model_not_found$/);
    await expectRefused('model_delete', { model: 'planted' }, /^model_not_found$/);
    const { text } = await end('model_list', {});
    expect(text).not.toContain('planted');
  });

  test('a download is never written through a link, and deleting removes the link, not its target', async () => {
    const victim = join(outside, 'bee.gguf');
    const before = await readFile(victim);
    await symlink(victim, join(models, 'bee.gguf.part'));
    await expectRefused('model_download', { model: TINY, name: 'bee' }, /^download_failed$/);
    await rm(join(models, 'bee.gguf.part'), { force: true });
    await symlink(victim, join(models, 'bee.gguf'));
    expect((await end('model_download', { model: TINY, name: 'bee' })).kind).toBe('result');
    await rm(join(models, 'bee.gguf'));
    await symlink(victim, join(models, 'bee.gguf'));
    expect((await end('model_delete', { model: 'bee' })).kind).toBe('result');
    expect((await readFile(victim)).equals(before)).toBe(true);
  });

  test.each(['/dev/zero', 'pipe', '/proc/self/mem'])(
    'a model whose file was replaced by a link to %s is not loaded, and does not hang',
    async (target) => {
      expect((await end('model_download', { model: TINY, name: 'swapped' })).kind).toBe('result');
      const file = join(models, 'swapped.gguf');
      await rm(file);
      if (target === 'pipe') makePipe(file);
      else await symlink(target, file);
      await expectRefused('worker_spawn', { model: 'swapped' }, /^(model_corrupt|model_not_found)$/);
      await expectRefused('model_get', { model: 'swapped' }, /^(model_corrupt|model_not_found)$/);
      expect((await end('model_list', {})).kind).toBe('result');
      expect((await end('model_delete', { model: 'swapped' })).kind).toBe('result');
    },
  );

  test('a model that was truncated after its download is not loaded', async () => {
    expect((await end('model_download', { model: TINY, name: 'cut' })).kind).toBe('result');
    await truncate(join(models, 'cut.gguf'), 1_000);
    await expectRefused('worker_spawn', { model: 'cut' }, /^model_corrupt$/);
    expect((await end('model_delete', { model: 'cut' })).kind).toBe('result');
  });
}
