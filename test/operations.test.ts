import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Explanation, Hive, OutputOf } from '../src/contract/index.ts';
import { ask, run } from './support/streams.ts';
import { ENDLESS, leftovers, testSwarm, type Swarm } from './support/swarm.ts';

const TINY = new URL('../models/rbee-tiny-Q8_0.gguf', import.meta.url).pathname;

let swarm: Swarm;
beforeAll(async () => {
  swarm = await testSwarm();
});
afterAll(async () => {
  await swarm[Symbol.asyncDispose]();
});

describe('hives', () => {
  test('the local hive is registered from the start, and asleep until a request needs it', async () => {
    expect((await swarm.result(['hive', 'list']))['hives']).toMatchObject([{ hive_id: 'localhost', transport: 'local' }]);
    expect(await swarm.result(['hive', 'status'])).toMatchObject({
      hive_id: 'localhost',
      state: 'stopped',
      reason: 'connection refused',
    });
  });

  test("hive install starts the local hive and records the machine's devices", async () => {
    const installed = await swarm.result(['hive', 'install']);
    expect(installed).toMatchObject({ capabilities: { hive_id: 'localhost', devices: [{ worker: 'cpu', device: 0 }] } });
    // What the machine has is asked for once more by then, in the background of its start.
    const { hive_id, host, port, created_at } = installed;
    expect(await swarm.result(['hive', 'get'])).toMatchObject({ hive_id, host, port, created_at, transport: 'local' });
    expect(await swarm.result(['hive', 'status', 'localhost'])).toMatchObject({
      state: 'running',
      pid: expect.any(Number) as number,
    });
  });

  test('GET /capabilities answers on the hive', async () => {
    const answer = await fetch(`${swarm.hiveUrl}/capabilities`);
    expect(await answer.json()).toMatchObject({ hive_id: 'localhost', os: process.platform, arch: process.arch });
  });

  test('run beside the running hive, or the running queen, names it and how to stop it, once', async () => {
    for (const role of ['hive', 'queen']) {
      const { code, stdout, stderr } = await swarm.rbee([role, 'run']);
      expect(stdout).toBe('');
      expect(code).toBe(7);
      expect(stderr).toMatch(
        new RegExp(
          `^Error: The ${role} of this home already runs on port \\d+ \\(pid \\d+\\)\\.\n  To run it in this terminal, stop it first: rbee ${role} stop\n$`,
        ),
      );
    }
  });

  test('a stopped hive stays stopped for commands that only read; hive start starts it again', async () => {
    await ask(swarm, 'worker_spawn');
    // The hive may still be asking for GPUs, in a process of its own.
    await expect.poll(() => leftovers(swarm.home)).toHaveLength(3);
    expect(await swarm.result(['hive', 'stop'])).toMatchObject({ state: 'stopped' });
    const { code, stderr } = await swarm.rbee(['worker', 'list']);
    expect({ code, stderr }).toEqual({
      code: 4,
      stderr: "Error: Hive 'localhost' is stopped\n  Start it: rbee hive start localhost.\n  hive_stopped, from queen-rbee\n",
    });
    for (const read of [await run(swarm, 'model_list'), await run(swarm, 'model_get', { model: 'tiny' })])
      expect(JSON.parse(read.last.json)).toMatchObject({
        code: 'hive_stopped',
        message: expect.stringMatching(/^Hive 'localhost' is stopped\b/) as string,
        origin: 'queen-rbee',
      });
    expect(leftovers(swarm.home)).toHaveLength(1);
    expect(await ask(swarm, 'hive_stop')).toMatchObject({ state: 'stopped' });
    expect(await swarm.result(['hive', 'start'])).toMatchObject({ state: 'running' });
    expect(await ask(swarm, 'hive_start')).toMatchObject({ state: 'running' });
  });

  test('a hive that was started is used and shown with its current state by the next command', async () => {
    await ask(swarm, 'hive_stop');
    const stoppedAt = Date.now();
    await swarm.result(['hive', 'start']);
    const [{ candidates }, { capabilities_at }] = await Promise.all([
      swarm.result<Explanation>(['explain', 'x']),
      swarm.result<Hive>(['hive', 'get']),
    ]);
    expect(candidates).toMatchObject([{ device: 'cpu:0', verdict: 'chosen' }]);
    expect(Date.parse(capabilities_at ?? '')).toBeGreaterThan(stoppedAt);
  });

  test("hive update reads the machine's devices again", async () => {
    const before = await ask(swarm, 'hive_get');
    const after = await swarm.result(['hive', 'update', '--refresh-capabilities']);
    expect(String(after['capabilities_at']) > String(before.capabilities_at)).toBe(true);
  });

  test('a hive that already runs is registered, moved and forgotten', async () => {
    await swarm.result(['hive', 'create', 'attic', '--host', 'attic.invalid', '--port', '9']);
    expect((await swarm.rbee(['hive', 'create', 'attic', '--host', 'x'])).code).toBe(2);
    expect(await swarm.result(['hive', 'update', 'attic', '--port', '8600'])).toMatchObject({
      host: 'attic.invalid',
      port: 8600,
    });
    expect(await ask(swarm, 'hive_status', { hive_id: 'attic' })).toMatchObject({ state: 'unreachable' });
    await swarm.result(['hive', 'delete', 'attic']);
    expect(JSON.parse((await run(swarm, 'hive_get', { hive_id: 'attic' })).last.json)).toMatchObject({ code: 'hive_not_found' });
  });

  test('uninstall --catalog-only forgets the hive and leaves it running; install finds it again', async () => {
    const { pid } = await ask(swarm, 'hive_status');
    await swarm.result(['hive', 'uninstall', 'localhost', '--catalog-only']);
    expect((await swarm.rbee(['hive', 'get'])).code).toBe(3);
    expect(leftovers(swarm.home)).toContain(pid);
    await ask(swarm, 'hive_install', {});
    expect(await ask(swarm, 'hive_status')).toMatchObject({ pid });
  });
});

describe('workers', () => {
  test('are spawned, listed, shown and deleted', async () => {
    const spawned = await swarm.result([
      'worker',
      'spawn',
      '--model',
      'tiny',
      '--worker',
      'cpu',
      '--device',
      '0',
      '--slots',
      '2',
    ]);
    expect(spawned).toMatchObject({
      model: 'tiny',
      worker: 'cpu',
      device: 0,
      state: 'ready',
      slots: 2,
      slots_used: 0,
      context: 1024,
    });
    const id = String(spawned['worker_id']);
    // Its age grows.
    const { unused_s: _age, ...lasting } = spawned;
    expect((await swarm.result(['worker', 'list']))['workers']).toMatchObject([lasting]);
    expect(await swarm.result(['worker', 'get', id])).toMatchObject(lasting);
    expect(await ask(swarm, 'infer', { prompt: 'hello', worker_id: id })).toMatchObject({ worker_id: id });
    expect(await swarm.result(['worker', 'delete', id])).toEqual({ worker_id: id });
    expect(await ask(swarm, 'worker_list')).toEqual({ workers: [] });
    expect(leftovers(swarm.home)).toHaveLength(2);
  });
});

test('a worker is restarted under its own id, with its own model, in a new process', async () => {
  const before = await ask(swarm, 'worker_spawn', { slots: 3 });
  const id = before.worker_id;
  const after = await swarm.result(['worker', 'restart', id]);
  expect(after).toMatchObject({ worker_id: id, model: 'tiny', slots: 3, state: 'ready' });
  expect(after['pid']).not.toBe(before.pid);
  expect(await ask(swarm, 'infer', { prompt: 'hello', worker_id: id })).toMatchObject({ worker_id: id });
  await ask(swarm, 'worker_delete', { worker_id: id });
});

describe('models', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbee-models-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('the model tiny is included', async () => {
    expect((await swarm.result(['model', 'list']))['models']).toMatchObject([{ model: 'tiny', source: 'builtin' }]);
    expect(await swarm.result(['model', 'get', 'tiny'])).toMatchObject({ model: 'tiny' });
  });

  test('connect prints settings with which a program finds them', async () => {
    const settings = await swarm.result<Record<string, string>>(['connect', 'aider']);
    expect(settings).toMatchObject({ base_url: `${swarm.queenUrl}/v1`, key_variable: null, model: 'tiny', context: 1024 });
    const answer = await fetch(`${settings['base_url'] ?? ''}/models/tiny`, { headers: { authorization: 'Bearer rbee' } });
    expect(answer.status).toBe(200);
    const { code, stderr } = await swarm.rbee(['connect', 'aider', '--model', 'tinny']);
    expect(stderr).toContain("Error: This fleet has no model 'tinny'. Did you mean tiny?");
    expect(code).toBe(3);
  });

  test('are downloaded from a URL with a checksum, used, and deleted', async () => {
    const bytes = await readFile(TINY);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const server = createServer((_request, response) =>
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bees-1M.gguf`;
    try {
      const { stdout, code } = await swarm.rbee(['model', 'download', url, '--sha256', sha256, '--json']);
      expect(code, stdout).toBe(0);
      expect(stdout).toContain('"event":"progress"');
      expect(await swarm.result(['model', 'get', 'bees-1M'])).toMatchObject({
        model: 'bees-1M',
        sha256,
        size_bytes: bytes.length,
        source: url,
      });
      expect(await ask(swarm, 'infer', { prompt: 'hello', model: 'bees-1M' })).toMatchObject({ model: 'bees-1M' });
      const wrong = await swarm.rbee(['model', 'download', url, '--name', 'other', '--sha256', '0'.repeat(64), '--json']);
      expect(wrong.stdout).toContain('"code":"checksum_mismatch"');
    } finally {
      server.close();
      server.closeAllConnections();
    }
    const { workers } = await ask(swarm, 'worker_list');
    for (const { worker_id } of workers) await ask(swarm, 'worker_delete', { worker_id });
    await swarm.result(['model', 'delete', 'bees-1M']);
    expect((await swarm.rbee(['model', 'get', 'bees-1M'])).code).toBe(3);
  });

  test('are downloaded from a path relative to the current folder', async () => {
    expect(await swarm.result(['model', 'download', 'models/rbee-tiny-Q8_0.gguf', '--name', 'copy'])).toMatchObject({
      model: 'copy',
    });
    await ask(swarm, 'model_delete', { model: 'copy' });
  });

  test('a file that is not a model is refused, and nothing of it is kept', async () => {
    const path = join(folder, 'page.gguf');
    await writeFile(path, '<html>');
    const { code, stderr } = await swarm.rbee(['model', 'download', path, '-q']);
    expect([code, stderr]).toEqual([6, expect.stringMatching(/^Error: /)]);
    expect((await ask(swarm, 'model_list')).models).toHaveLength(1);
  });
});

describe('operations that run on a worker', () => {
  test('embed gives each text its vector, and tokens counts as infer does, also when all slots are taken', async () => {
    const worker = await swarm.result<{ worker_id: string }>(['worker', 'spawn', '--slots', '1']);
    const here = ['--worker-id', worker.worker_id];
    const { embeddings, dimensions, worker_id } = await swarm.result<OutputOf<'embed'>>(['embed', 'a bee', 'a hive', ...here]);
    expect([embeddings.length, dimensions, worker_id]).toEqual([2, 160, worker.worker_id]);
    for (const vector of embeddings) expect(Buffer.from(vector, 'base64')).toHaveLength(4 * 160);

    const { usage } = await swarm.result<OutputOf<'infer'>>(['infer', 'What does a bee do?', ...here]);
    const endless = swarm.start([...ENDLESS, ...here]);
    await endless.says('stdout', /.{20}/s);
    const counted = await swarm.result<OutputOf<'count_tokens'>>(['tokens', 'What does a bee do?', ...here]);
    expect(counted).toMatchObject({ prompt_tokens: usage.prompt_tokens, worker_id: worker.worker_id });
    endless.child.kill('SIGINT');
    await endless.ended;
    await swarm.result(['worker', 'delete', worker.worker_id]);
  });
});
