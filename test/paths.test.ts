import { copyFile, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Explanation, Model } from '../src/contract/index.ts';
import { headerOnly } from '../src/hive/models/testing/gguf-writer.ts';
import { testSwarm, type Swarm } from './support/swarm.ts';

const TINY = fileURLToPath(new URL('../models/rbee-tiny-Q8_0.gguf', import.meta.url));

let swarm: Swarm;
const at = (name: string) => join(swarm.home, 'files', name);

beforeAll(async () => {
  swarm = await testSwarm();
  await mkdir(at(''), { recursive: true });
  await copyFile(TINY, at('my model.gguf'));
  await symlink(at('my model.gguf'), at('link.gguf'));
  await writeFile(at('page.gguf'), '<html>');
  const huge = { vocabulary: 300, width: 8192, feedForward: 24_576, layers: 60, heads: 64, cachedHeads: 64, headWidth: 128 };
  await writeFile(at('huge.gguf'), headerOnly({ architecture: 'llama', context: 131_072, ...huge }));
  // Holes, which take no room: its weights are for a machine of another kind.
  await truncate(at('huge.gguf'), 4e12);
  await swarm.result(['hive', 'start']);
});
afterAll(async () => {
  await swarm[Symbol.asyncDispose]();
});

/** What is said of a request before, and how the request itself ends. */
async function both(args: string[]) {
  const [dry, real] = await Promise.all([
    swarm.rbee(['infer', 'hi', '--dry-run', '--json', ...args]),
    swarm.rbee(['infer', 'hi', '--json', '--max-tokens', '1', ...args]),
  ]);
  const lastOf = (stdout: string) => (JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { data: unknown }).data;
  const failed = lastOf(real.stdout) as { code?: string; message?: string };
  return { dry: { exit: dry.code, ...(lastOf(dry.stdout) as Explanation) }, real: { exit: real.code, ...failed } };
}

test.each([
  ['that is too large for any device', 'huge.gguf', 'model_too_large', 7],
  ['that leads nowhere', 'nope.gguf', 'model_not_found', 3],
  ['of a folder', '', 'model_not_found', 3],
  ['of a page', 'page.gguf', 'model_corrupt', 6],
])('a dry run of a path %s says what the request ends with', async (_what, name, code, exit) => {
  const { dry, real } = await both(['--model', at(name)]);
  expect(real).toMatchObject({ exit, code });
  expect(dry).toMatchObject({ exit: 1, decision: 'refuse', code, says: real.message });
});

test('a file given by its path is placed like a model with a name, and found again where it is loaded', async () => {
  const explained = (model: string) => swarm.result<Explanation>(['explain', 'hi', '--model', model]);
  const [named, path] = [await explained('tiny'), await explained(at('my model.gguf'))];
  expect(path).toMatchObject({ decision: 'spawn', hive_id: 'localhost', device: 'cpu:0' });
  expect(path.candidates).toMatchObject(named.candidates.map(({ hive_id, device, verdict }) => ({ hive_id, device, verdict })));
  const { worker_id } = await swarm.result<{ worker_id: string }>([
    'infer',
    'hi',
    '--max-tokens',
    '1',
    '--model',
    at('my model.gguf'),
  ]);
  expect(await explained(at('my model.gguf'))).toMatchObject({ decision: 'worker', worker_id });
});

describe('a model is shown by the path of its file', () => {
  test.each([
    ['an absolute one', () => at('my model.gguf')],
    ['of a link', () => at('link.gguf')],
    ['a relative one', () => 'models/rbee-tiny-Q8_0.gguf'],
    ['one that begins with ~', () => '~/my model.gguf'],
  ])('%s', async (_what, path) => {
    swarm.env['HOME'] = at('');
    const model = await swarm.result<Model>(['model', 'get', path()]);
    expect(model).toMatchObject({
      size_bytes: expect.any(Number) as number,
      memory: { context_length: expect.any(Number) as number },
    });
  });

  test.each([
    [['model', 'get', 'nope.gguf'], 3, 'There is no file'],
    [['model', 'get', '/'], 3, '/ is a folder, and not a .gguf file'],
    [['model', 'get', 'hf.co/maker/bee'], 3, 'Download it: rbee pull maker/bee.'],
    [['model', 'download', 'example.org/bee.gguf'], 2, 'Did you mean https://example.org/bee.gguf?'],
    [['model', 'download', 'nope.gguf', '--name', 'x'], 4, 'there is no such file on the machine of hive'],
    [['model', 'delete', 'nope.gguf'], 3, 'There is no file'],
    [['worker', 'spawn', '--model', 'nope.gguf'], 3, 'There is no file'],
  ])('%j is refused in a sentence', async (args, exit, words) => {
    const { code, stderr } = await swarm.rbee([...args, '-q']);
    expect({ code, stderr }).toEqual({ code: exit, stderr: expect.stringContaining(words) as string });
    expect(stderr).not.toContain('kept');
  });
});

test('a hive is not registered a second time under another name', async () => {
  const { port } = new URL(swarm.hiveUrl);
  for (const host of ['127.0.0.1', 'localhost']) {
    const { code, stderr } = await swarm.rbee(['hive', 'create', 'cellar', '--host', host, '--port', port, '-q']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("Hive 'localhost' is registered at") as string });
  }
});

test('a stopped local hive stays stopped until a request names it, and the error says so', async () => {
  expect((await swarm.rbee(['hive', 'stop', '-q'])).stdout).toBe('hive localhost is stopped\n');
  for (const model of ['tiny', at('my model.gguf')]) {
    const { dry, real } = await both(['--model', model]);
    expect(real).toMatchObject({ exit: 4, code: 'hive_stopped' });
    expect(dry).toMatchObject({ exit: 1, code: 'hive_stopped', says: real.message });
  }
  expect(await swarm.result(['hive', 'status'])).toMatchObject({ state: 'stopped' });
  expect(await swarm.result(['explain', 'hi', '--hive', 'localhost'])).toMatchObject({ decision: 'spawn', hive_id: 'localhost' });
  expect((await swarm.rbee(['infer', 'hi', '-q', '--max-tokens', '1', '--hive', 'localhost'])).code).toBe(0);
  expect((await swarm.rbee(['infer', 'hi', '-q', '--max-tokens', '1'])).code).toBe(0);
});
