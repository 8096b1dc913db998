import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Device, JobError } from '../src/contract/index.ts';
import { homePaths } from '../src/daemon/index.ts';
import { openMemoryCatalog } from '../src/jobs/index.ts';
import { inJob, log } from '../src/narration/index.ts';
import { WorkerPool, type Lease, type MakeSpec } from '../src/hive/workers/index.ts';
import { freePorts, leftovers } from './support/swarm.ts';

const TINY = fileURLToPath(new URL('../models/rbee-tiny-Q8_0.gguf', import.meta.url));
const MB = 1_000_000;
/** The machine has room for two of these workers and not for three. */
const NEED = { bytes: 20 * MB, weightsBytes: 2 * MB };
const TOTAL_BYTES = 50 * MB;

let home: string;
let pool: WorkerPool;
let narrated: string[];
const before = { argv1: process.argv[1], env: { ...process.env } };

beforeAll(async () => {
  log.level = 'silent';
  home = await mkdtemp(join(tmpdir(), 'rbee-room-'));
  // What the hive starts as a worker, and where both of them live.
  process.argv[1] = fileURLToPath(new URL('../dist/rbee.js', import.meta.url));
  process.env['RBEE_HOME'] = home;
  process.env['RBEE_WORKER_PORTS'] = String((await freePorts(1))[0]);
  // As a hive's home has it.
  await mkdir(homePaths().run, { recursive: true });
  for (const name of ['a', 'b', 'c']) await copyFile(TINY, fileOf(name));
  pool = new WorkerPool({
    hiveId: 'test',
    hiveUrl: 'http://127.0.0.1:9',
    onChange: () => undefined,
    paths: homePaths(),
    readDevices: machine,
    catalog: openMemoryCatalog(),
  });
});
afterAll(async () => {
  await pool.stopAll();
  expect(leftovers(home)).toEqual([]);
  process.argv[1] = before.argv1 ?? '';
  process.env = before.env;
  await rm(home, { recursive: true });
});
beforeEach(() => {
  narrated = [];
});

/** A GPU that loses what its workers need when they are ready, as a driver would tell it. */
async function machine(): Promise<Device[]> {
  const taken = pool.list().filter(({ state }) => 'port' in state).length * NEED.bytes;
  return [{ worker: 'cpu', device: 0, name: 'x', memory_bytes: TOTAL_BYTES, memory_free_bytes: TOTAL_BYTES - taken }];
}

const fileOf = (model: string) => join(home, `${model}.gguf`);
const specOf =
  (model: string, pinned = false): MakeSpec =>
  () => ({
    model,
    modelPath: fileOf(model),
    engine: 'embedded',
    worker: 'cpu',
    device: 0,
    slots: 1,
    context: 64,
    pinned,
    need: NEED,
  });

function spawn(model: string, pinned?: boolean) {
  return pool.spawn(specOf(model, pinned));
}

/** A request for the model, which has its slot until `release`. */
function request(model: string): Promise<Lease> {
  const need = { modelPath: fileOf(model), workerId: undefined, device: undefined };
  const voice = { actor: 'rbee-hive', jobId: 'job-1', correlationId: 'c1' } as const;
  const emit = (event: { kind: string; data: unknown }) => {
    if (event.kind === 'narration') narrated.push((event.data as { human: string }).human);
  };
  const { signal } = new AbortController();
  return inJob({ ...voice, emit }, () => pool.lease({ need, makeSpec: specOf(model), signal }));
}

const models = () =>
  pool
    .list()
    .filter(({ state }) => state.kind === 'ready')
    .map(({ spec }) => spec.model)
    .toSorted();

/** Each test begins with the workers that the one before has left. */
describe('a request whose model is not loaded, on a machine with memory for two workers', () => {
  test('stops the least recently used worker, and reports it', async () => {
    const [{ id }] = await Promise.all([spawn('a'), spawn('b')]);
    (await request('b')).release();
    expect(pool.get(id).lastUsedAt).toBeUndefined();
    (await request('c')).release();
    expect(models()).toEqual(['b', 'c']);
    expect(narrated.join('\n')).toMatch(new RegExp(`stopping idle ${id} \\(a, unused for \\d+ s\\) to free memory for c`));
    expect(() => pool.get(id)).toThrowError(expect.objectContaining({ code: 'worker_not_found' }) as Error);
  });

  test('stops one worker and loads one, however many requests wait for it', async () => {
    const waiting = Array.from({ length: 5 }, async () => (await request('a')).release());
    await Promise.all(waiting);
    expect(models()).toEqual(['a', 'c']);
    expect(narrated.filter((each) => each.startsWith('stopping idle'))).toHaveLength(1);
  });

  test('is answered even if the worker of its own model is being stopped', async () => {
    const oldest = pool.list().find(({ spec }) => spec.model === 'c');
    const other = request('b');
    await expect.poll(() => oldest?.state.kind, { interval: 1 }).toBe('stopping');
    const same = request('c');
    for (const lease of await Promise.all([other, same])) {
      expect(lease.worker.state.kind).toBe('ready');
      lease.release();
    }
    expect(models()).toEqual(['b', 'c']);
  });

  test('stops no busy or pinned worker, and is refused while all are', async () => {
    const [idle] = pool.list().filter(({ spec }) => spec.model === 'c');
    await pool.remove(idle?.id ?? '');
    await spawn('a', true);
    const busy = await request('b');
    await expect(request('c')).rejects.toMatchObject({
      code: 'no_room',
      message: expect.stringMatching(/1 busy, 1 pinned/) as string,
    });
    expect(models()).toEqual(['a', 'b']);
    busy.release();
    (await request('c')).release();
    expect(models()).toEqual(['a', 'c']);
  });

  test('of two concurrent spawns with memory for one, one loads and the other is refused with a next step', async () => {
    const [first, idle] = ['a', 'c'].map((model) => pool.list().find(({ spec }) => spec.model === model)?.id ?? '');
    await pool.remove(idle ?? '');
    const outcomes = await Promise.allSettled([spawn('b'), spawn('c')]);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')?.reason as JobError;
    expect(refused).toMatchObject({ code: 'no_room' });
    expect(refused.message).toMatch(
      /^[bc] needs about 20\.0 MB more \(1 slot of 64 tokens\), and (28|29|30)\.\d MB are free on cpu:0, of which 20\.0 MB are promised to workers that are loading\. Stopping its idle workers would not free enough memory \(1 pinned, 1 loading\)\.$/,
    );
    expect(await pool.devices()).toMatchObject([{ promised_bytes: 0 }]);
    await pool.remove(first ?? '');
    await spawn(refused.message.charAt(0));
    expect(models().toSorted()).toEqual(['b', 'c']);
  });
});
