import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { memoryNeed, type Capabilities } from '../src/contract/index.ts';
import { writeRandomModel } from '../bench/engine/random-model.ts';
import { estimateMemory, isMemoryField } from '../src/hive/models/estimate-memory.ts';
import { readGgufHeader } from '../src/hive/models/gguf-header.ts';
import { engineFiles } from '../src/machines/kit/engine-files.ts';
import type { StreamEvent } from '../src/jobs/client.ts';
import { modelWorkshop, tinyModel } from '../src/worker/engines/llama/fixtures/gguf.ts';
import { importLlama } from '../src/worker/engines/llama/llama-module.ts';
import { ask, endsOf, narrationsOf, resultOf, run } from './support/streams.ts';
import { testSwarm, type Swarm } from './support/swarm.ts';

const MANIFESTS = '/usr/share/vulkan/icd.d';
const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** Mesa's lavapipe is a whole Vulkan driver that computes on the CPU: the engine's code for GPUs runs on it as it is. */
function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the engine for Vulkan is built for Linux on x64';
  const hasDriver = existsSync(MANIFESTS) && readdirSync(MANIFESTS).some((file) => file.startsWith('lvp_'));
  return hasDriver ? undefined : 'no software Vulkan driver: install mesa-vulkan-drivers';
}

const why = whyNot();
if (why !== undefined && process.env['CI'] === 'true') throw new Error(why);

/** A folder with those binaries and a whole node-llama-cpp: rbee's own looks for them in its bundle only. */
async function wholeLibrary(engineDir: string): Promise<string> {
  const [own, folder] = [join(packageRoot, 'node_modules'), join(engineDir, 'whole')];
  const packages = join(folder, 'node_modules');
  const apart = ['node-llama-cpp', '@node-llama-cpp'];
  await mkdir(packages, { recursive: true });
  for (const name of await readdir(own)) if (!apart.includes(name)) await symlink(join(own, name), join(packages, name));
  const isNeeded = (path: string) => !path.endsWith('gitRelease.bundle');
  await cp(join(own, 'node-llama-cpp'), join(packages, 'node-llama-cpp'), { recursive: true, filter: isNeeded });
  await cp(join(engineDir, 'node_modules', '@node-llama-cpp'), join(packages, '@node-llama-cpp'), { recursive: true });
  return folder;
}

describe.skipIf(why !== undefined)(`a device that Vulkan reaches${why === undefined ? '' : `: ${why}`}`, () => {
  /** What a kit brings to a machine with such a GPU. */
  let engineDir: string;
  let swarm: Swarm;
  let workshop: Awaited<ReturnType<typeof modelWorkshop>>;

  beforeAll(async () => {
    engineDir = await mkdtemp(join(tmpdir(), 'rbee-vulkan-'));
    const cache = process.env['TEST_KITS'] ?? join(engineDir, 'cache');
    const target = { os: 'linux', arch: 'x64', libc: 'glibc', gpus: ['vulkan'] } as const;
    for (const { source, path } of await engineFiles(target, { packageRoot, cache }, AbortSignal.timeout(120_000))) {
      await mkdir(join(engineDir, dirname(path)), { recursive: true });
      await cp(source, join(engineDir, path));
    }
    workshop = await modelWorkshop();
    // The engine skips a software GPU unless it is selected.
    swarm = await testSwarm({ env: { RBEE_ENGINE_DIR: engineDir, GGML_VK_VISIBLE_DEVICES: '0' } });
    await swarm.result(['hive', 'start']);
  });
  afterAll(async () => {
    await workshop.clear();
    await swarm[Symbol.asyncDispose]();
    await rm(engineDir, { recursive: true });
  });

  async function gpu(of = swarm) {
    const { devices } = (await (await fetch(`${of.hiveUrl}/capabilities`)).json()) as Capabilities;
    return devices.find(({ worker }) => worker === 'vulkan');
  }

  /** An inference, and when the first such event of it came. */
  function underWay(input: object, isMeant: (event: StreamEvent) => boolean) {
    const events = new EventEmitter();
    const ended = run(swarm, 'infer', input, (event) => void (isMeant(event) && events.emit('meant')));
    const without = ended.then(({ last }) => assert.fail(`it ended without that event: ${last.json}`));
    const came = Promise.race([once(events, 'meant'), without]);
    return { came, ended };
  }

  test('is listed with its memory, as the engine reports it', async () => {
    await expect.poll(() => gpu()).toMatchObject({ device: 0, usable: true });
    const { name, memory_bytes, memory_free_bytes } = (await gpu()) ?? {};
    expect(name).toContain('llvmpipe');
    expect(memory_bytes).toBeGreaterThan(500_000_000);
    expect(memory_free_bytes).toBeLessThanOrEqual(memory_bytes ?? 0);
  });

  test('is chosen before the CPU, computes, and the memory of its worker no longer counts as free', async () => {
    const before = await gpu();
    const { stdout, stderr } = await swarm.rbee(['infer', 'What is 2 + 3?']);
    expect(stdout, stderr).toBe('2 plus 3 is 5.\n');
    expect(stderr).toMatch(/loading tiny on vulkan:0/);
    const { workers } = await ask(swarm, 'worker_list');
    expect(workers).toMatchObject([{ worker: 'vulkan', device: 0, state: 'ready' }]);
    const [{ need_bytes = 0 } = {}] = workers;
    expect(need_bytes).toBeGreaterThan(0);
    expect((before?.memory_free_bytes ?? 0) - ((await gpu())?.memory_free_bytes ?? 0)).toBeGreaterThanOrEqual(need_bytes);
  });

  test('the memory reserved for a worker is what the engine uses, or slightly more', async () => {
    vi.stubEnv('GGML_VK_VISIBLE_DEVICES', '0');
    const module = await importLlama(await wholeLibrary(engineDir));
    const llama = await module.getLlama({ gpu: 'vulkan', build: 'never', progressLogs: false, logger: () => undefined });
    const large = join(engineDir, 'random.gguf');
    await writeRandomModel(large);
    for (const file of [tinyModel, large]) {
      const header = await module.readGgufFileInfo(file, { sourceType: 'filesystem', logWarnings: false });
      const insights = await module.GgufInsights.from(header, llama);
      const memory = estimateMemory(await readGgufHeader(file, isMemoryField));
      const modelGpuLayers = insights.totalLayers;
      const { gpuVram: weights } = await insights.estimateModelResourceRequirementsV2({ gpuLayers: modelGpuLayers });
      for (const { slots, context } of [
        { slots: 1, context: 1024 },
        { slots: 4, context: 1024 },
        { slots: 64, context: 256 },
      ]) {
        const shape = { modelGpuLayers, sequences: slots, contextSize: context, batchSize: 512, flashAttention: 'auto' } as const;
        const { gpuVram } = await insights.estimateContextResourceRequirementsV2(shape);
        const { bytes: ours = 0 } = (memory && memoryNeed(memory, { slots, context, worker: 'vulkan' })) ?? {};
        const sizes = `${slots} slots of ${context}: ${ours} for ${weights + gpuVram}`;
        expect(ours, sizes).toBeGreaterThanOrEqual(0.99 * (weights + gpuVram));
        expect(ours - weights - gpuVram, sizes).toBeLessThan(Math.max(100_000_000, 0.2 * (weights + gpuVram)));
      }
    }
    await llama.dispose();
    vi.unstubAllEnvs();
  });

  test('a model that needs the memory of a busy one waits for it, reports it, and replaces it', async () => {
    const large = await workshop.make({ set: { 'llama.context_length': 1_048_576 } });
    const other = await workshop.make({ set: { 'general.name': 'other' } });
    await swarm.result(['model', 'download', large, '--name', 'large']);
    await swarm.result(['model', 'download', other, '--name', 'other']);
    const { workers: idle } = await ask(swarm, 'worker_list');
    for (const { worker_id } of idle) await ask(swarm, 'worker_delete', { worker_id });
    const { memory } = await ask(swarm, 'model_get', { model: 'large' });
    const need = (context: number) => (memory && memoryNeed(memory, { slots: 1, context, worker: 'vulkan' }).bytes) ?? 0;
    const fill = async (pin: boolean): Promise<string> => {
      const { memory_free_bytes: free = 0 } = (await gpu()) ?? {};
      // This driver makes no buffer that would hold the cache of many more.
      let context = 270_000;
      while (need(context) > free) context -= 500;
      return (await ask(swarm, 'worker_spawn', { model: 'large', worker: 'vulkan', slots: 1, context, pin })).worker_id;
    };
    // What the two leave is too little for another one.
    await fill(true);
    const spawned = await fill(false);
    // Each token is much work for a GPU in software.
    const json_schema = { type: 'array', items: { type: 'boolean' }, minItems: 10, maxItems: 12 };
    const shape = { worker_id: spawned, model: 'large', json_schema };
    const busy = underWay({ prompt: 'Count', ...shape }, ({ kind }) => kind === 'token');
    await busy.came;
    const wanted = { model: 'other', device: 'vulkan:0' };
    const reason = `no memory is free for other; waiting until ${spawned} (large) on hive 'localhost'`;
    const waiting = underWay({ prompt: 'What is 2 + 3?', ...wanted }, ({ json }) => json.includes(reason));
    await waiting.came;
    const { decision, says } = await ask(swarm, 'explain', { prompt: 'x', ...wanted });
    expect({ decision, says }).toMatchObject({ decision: 'wait', says: expect.stringContaining(spawned) as string });
    expect(endsOf([await busy.ended])).toEqual(new Set(['result']));
    const served = await waiting.ended;
    expect(resultOf(served).text).toBe('2 plus 3 is 5.');
    expect(narrationsOf([served])).toContain(`stopping idle ${spawned}`);
    const { workers } = await ask(swarm, 'worker_list');
    const loaded = workers.filter(({ state }) => state === 'ready').map(({ model }) => model);
    expect(loaded.toSorted()).toEqual(['large', 'other']);
    // All that a GPU would do, this machine's cores do, beside other tests.
  });
});

test.skipIf(why !== undefined)('a software GPU is not a device by default', async () => {
  await using swarm = await testSwarm();
  await swarm.result(['hive', 'start']);
  const { devices } = (await (await fetch(`${swarm.hiveUrl}/capabilities`)).json()) as Capabilities;
  expect(devices.filter(({ usable }) => usable !== false).map(({ worker }) => worker)).toEqual(['cpu']);
});
