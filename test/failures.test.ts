import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelWorkshop } from '../src/worker/engines/llama/fixtures/gguf.ts';
import { ask } from './support/streams.ts';
import { ENDLESS, freePorts, leftovers, testSwarm, type Swarm } from './support/swarm.ts';

const TINY = new URL('../models/rbee-tiny-Q8_0.gguf', import.meta.url).pathname;

async function stranger(port: number, listener: RequestListener): Promise<AsyncDisposable> {
  const server = createServer(listener).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

describe('what a person sees when something is wrong', () => {
  let swarm: Swarm;
  let folder: string;
  beforeAll(async () => {
    swarm = await testSwarm();
    folder = await mkdtemp(join(tmpdir(), 'rbee-models-'));
    expect((await swarm.rbee(['infer', '-q', 'hello'])).code).toBe(0);
  });
  afterAll(async () => {
    await swarm[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function refusal(args: string[]) {
    const { code, stdout, stderr } = await swarm.rbee([...args, '-q']);
    expect(stdout).toBe('');
    expect(stderr, 'an error never shows a stack').not.toMatch(/^\s+at /m);
    return { code, stderr };
  }

  test.each([
    [
      'an unknown hive',
      ['worker', 'list', '--hive', 'xyz'],
      3,
      /^Error: Hive 'xyz' not found in configuration\n.*rbee hive list/,
    ],
    [
      'an unknown worker',
      ['worker', 'get', 'worker-missing'],
      3,
      /^Error: Worker 'worker-missing' not found.*\n.*rbee worker list/,
    ],
    [
      'an unknown worker to infer on',
      ['infer', 'x', '--worker-id', 'worker-missing'],
      3,
      /^Error: Worker 'worker-missing' not found.*\n.*rbee worker list/,
    ],
    ['an unknown model', ['infer', 'x', '--model', 'tinny'], 3, /^Error: .*tinny.*\n.*rbee model (list|download)/],
    [
      'a device that is not there',
      ['worker', 'spawn', '--worker', 'cuda', '--device', '7'],
      3,
      /^Error: No device cuda:7 on this machine; it has cpu:0/,
    ],
    ['a device that is none', ['infer', 'x', '--device', 'toaster'], 2, /^Error: 'toaster' is not a device/],
    ['a model file that is not there', ['infer', 'x', '--model', TINY.replace('rbee-tiny', 'none')], 3, /none-Q8_0/],
    ['a wrong value', ['infer', 'x', '--temperature', 'hot'], 2, /temperature/],
    ['an unknown job', ['logs', 'job-missing'], 3, /^Error: No job has an id that begins with 'job-missing'\n.*rbee jobs/],
    ['the model that came with rbee', ['model', 'delete', 'tiny'], 2, /^Error: /],
  ])('%s', async (_name, args, exit, sentence) => {
    const { code, stderr } = await refusal(args);
    expect(stderr).toMatch(sentence);
    expect(code).toBe(exit);
  });

  test('a truncated model', async () => {
    const path = join(folder, 'cut.gguf');
    await copyFile(TINY, path);
    await truncate(path, 1_000_000);
    const { code, stderr } = await refusal(['infer', 'x', '--model', path]);
    expect(stderr).toMatch(/^Error: .*cut\.gguf.*\n.*Replace the file, or delete the model \(rbee model delete/);
    expect(code).toBe(6);
  });

  test('a file that is not a model', async () => {
    const path = join(folder, 'page.gguf');
    await writeFile(path, '<html>not found</html>');
    const { code, stderr } = await refusal(['infer', 'x', '--model', path]);
    expect(stderr).toMatch(/^Error: .*page\.gguf/);
    expect(code).toBe(6);
  });

  test('a model that needs more memory than there is', async () => {
    const workshop = await modelWorkshop();
    const path = await workshop.make({ set: { 'llama.context_length': 100_000_000 } });
    const { code, stderr } = await refusal(['worker', 'spawn', '--model', path, '--slots', '256', '--context', '200000']);
    await workshop.clear();
    expect(stderr).toMatch(/^Error: .*GB.*GB.*\n.*smaller/s);
    expect(code).toBe(7);
  });

  test('a prompt that does not fit is refused with its size and the limit', async () => {
    const { code, stderr } = await refusal(['infer', 'bee '.repeat(3000)]);
    expect(stderr).toMatch(/^Error: .*\d{4,} tokens.*1024/);
    expect(code).toBe(2);
  });

  test('a model that is in use is not deleted', async () => {
    await ask(swarm, 'model_download', { model: TINY, name: 'copy' });
    await ask(swarm, 'infer', { prompt: 'hello', model: 'copy' });
    const { code, stderr } = await refusal(['model', 'delete', 'copy']);
    expect(stderr).toMatch(/^Error: Worker 'worker-[0-9a-f]+' has model 'copy' loaded\n.*rbee worker delete/);
    expect(code).toBe(2);
  });

  test('a hive that does not exist', async () => {
    const [port] = await freePorts(1);
    await ask(swarm, 'hive_create', { hive_id: 'attic', host: '127.0.0.1', port });
    const { code, stderr } = await refusal(['worker', 'list', '--hive', 'attic']);
    expect(stderr).toMatch(/^Error: Failed to connect to hive: connection refused\n/);
    expect(code).toBe(4);
    await ask(swarm, 'hive_delete', { hive_id: 'attic' });
  });

  test('a hive that answers garbage', async () => {
    const [port = 0] = await freePorts(1);
    await using _garbage = await stranger(port, (_request, response) => response.end('{"hello":"world"}'));
    await ask(swarm, 'hive_create', { hive_id: 'garbage', host: '127.0.0.1', port });
    const { code, stderr } = await refusal(['worker', 'list', '--hive', 'garbage']);
    expect(stderr).toMatch(/^Error: The hive did not open a feed\n/);
    expect(code).toBe(4);
    await ask(swarm, 'hive_delete', { hive_id: 'garbage' });
  });

  test('a frozen hive is reported as frozen, and status does not wait for it', async () => {
    const pid = leftovers(swarm.home).find((candidate) => commandOf(candidate).includes(' hive run '));
    process.kill(pid ?? 0, 'SIGSTOP');
    try {
      const frozen = [
        {
          hive_id: 'localhost',
          state: 'unreachable',
          reason: expect.stringMatching(/^it has sent no heartbeat for \d s$/) as string,
        },
      ];
      await expect.poll(async () => (await ask(swarm, 'status')).hives, { interval: 100 }).toMatchObject(frozen);
    } finally {
      process.kill(pid ?? 0, 'SIGCONT');
    }
  });

  test('a worker that is killed in the middle of an answer fails its job with worker_died, and the next request is answered', async () => {
    const { pid = 0, worker_id } = await ask(swarm, 'worker_spawn');
    const running = swarm.start([...ENDLESS, '--worker-id', worker_id]);
    await running.says('stdout', /.{20}/s);
    process.kill(pid, 'SIGKILL');
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/Error: Worker 'worker-[0-9a-f]+' was killed by SIGKILL/);
    expect(code).toBe(6);
    await ask(swarm, 'infer', { prompt: 'hello' });
  });
});

function commandOf(pid: number): string {
  return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
}

test("a foreign program on the queen's port is reported, with the variable that moves the port", async () => {
  await using swarm = await testSwarm();
  await using _stranger = await stranger(Number(swarm.env['RBEE_QUEEN_PORT']), (_request, response) => response.end('hello'));
  const { code, stderr } = await swarm.rbee(['infer', 'x']);
  expect(stderr).toMatch(/Error: .*port.*used by another program.*RBEE_QUEEN_PORT/is);
  expect(code).toBe(7);
});

test("a foreign program on the hive's port is reported, with the variable that moves the port", async () => {
  await using swarm = await testSwarm();
  await using _stranger = await stranger(Number(swarm.env['RBEE_HIVE_PORT']), (_request, response) => response.end('hello'));
  const { code, stderr } = await swarm.rbee(['infer', 'x']);
  expect(stderr).toMatch(/Error: Port .*RBEE_HIVE_PORT/s);
  expect(code).toBe(7);
});

test('in a fleet with a token no log holds it, and a hive that is killed and started again adopts its worker', async () => {
  const token = 'a-token-that-must-not-leak';
  await using swarm = await testSwarm({ env: { RBEE_TOKEN: token } });
  expect((await swarm.rbee(['infer', 'hello', '-q'])).code).toBe(0);
  expect((await fetch(`${swarm.queenUrl}/v1/jobs`)).status).toBe(401);
  expect((await fetch(`${swarm.queenUrl}/v1/jobs`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  interface Workers {
    workers: { pid: number; worker_id: string; state: string; context: number }[];
  }
  const before = await swarm.result<Workers>(['worker', 'list']);
  process.kill((await swarm.result<{ pid: number }>(['hive', 'status'])).pid, 'SIGKILL');
  const after = await swarm.result<Workers>(['worker', 'list']);
  const [{ pid, worker_id } = {}] = before.workers;
  expect(after.workers).toMatchObject([{ pid, worker_id, state: 'ready', context: 1024 }]);
  expect((await swarm.rbee(['infer', 'hello', '-q'])).code).toBe(0);
  const files = execFileSync('find', [swarm.home, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n');
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) expect((await readFile(file)).includes(token), file).toBe(false);
});
