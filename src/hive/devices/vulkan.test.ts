import { afterEach, expect, test, vi } from 'vitest';
import type { GpuQuestion } from './probe.ts';
import type { Running } from './running.ts';
import { VulkanGpus } from './vulkan.ts';

const GB = 1_000_000_000;
const [RADEON, ARC, LLVMPIPE] = ['AMD Radeon RX 7900 XTX (RADV NAVI31)', 'Intel Arc A770', 'llvmpipe (LLVM 15.0.6, 256 bits)'];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

/** A machine as Vulkan shows it. @param taken what the engine takes of itself, in its order */
function machine(devices: readonly string[], taken: readonly string[]) {
  const asked: GpuQuestion[] = [];
  const ask = async (question: GpuQuestion) => {
    asked.push(question);
    const { device } = question;
    const names = device === undefined ? taken : devices.slice(device, device + 1);
    if (names.length === 0) return undefined;
    return { names: [...names], memory_bytes: 16 * GB, memory_free_bytes: 15 * GB, unified: false };
  };
  return { gpus: new VulkanGpus(ask), ask, asked };
}

const on = (device: number, state: string, needBytes = 2 * GB): Running => ({
  id: 'worker-1',
  worker: 'vulkan',
  device,
  state,
  needBytes,
});

test.each<[string, { devices: string[]; taken: string[]; numbers: number[] }]>([
  ['a machine with one GPU', { devices: [RADEON], taken: [RADEON], numbers: [0] }],
  ['a CPU that plays a GPU is none', { devices: [LLVMPIPE, RADEON], taken: [RADEON], numbers: [1] }],
  ['no GPU at all', { devices: [LLVMPIPE], taken: [], numbers: [] }],
  ['two of one make', { devices: [RADEON, LLVMPIPE, RADEON], taken: [RADEON, RADEON], numbers: [0, 2] }],
  ['one that two drivers offer is taken once', { devices: ['AMD Radeon RX 7900 XTX', RADEON], taken: [RADEON], numbers: [1] }],
  ['in the order of Vulkan, not of the engine', { devices: [ARC, RADEON], taken: [RADEON, ARC], numbers: [0, 1] }],
])('a device has the number that makes it the only one that the engine sees: %s', async (_name, { devices, taken, numbers }) => {
  const found = await machine(devices, taken).gpus.list([]);
  expect(found.map(({ device }) => device)).toEqual(numbers);
  expect(found.map(({ name }) => name)).toEqual(numbers.map((number) => devices[number]));
});

test('the devices of GGML_VK_VISIBLE_DEVICES are used as they are', async () => {
  vi.stubEnv('GGML_VK_VISIBLE_DEVICES', '2');
  const found = await machine([RADEON, ARC, LLVMPIPE], [RADEON, ARC]).gpus.list([]);
  expect(found).toMatchObject([{ worker: 'vulkan', device: 2, name: LLVMPIPE, usable: true }]);
});

test('a GPU is probed again when a worker on it has started or exited, or after a minute, and not before', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { gpus, asked } = machine([RADEON], [RADEON]);
  await gpus.list([]);
  const before = asked.length;
  await gpus.list([on(1, 'ready')]);
  expect(asked.length - before).toBe(0);
  await gpus.list([on(0, 'loading')]);
  await gpus.list([on(0, 'loading')]);
  expect(asked.length - before).toBe(1);
  await gpus.list([on(0, 'ready')]);
  expect(asked.length - before).toBe(2);
  vi.advanceTimersByTime(61_000);
  await gpus.list([on(0, 'ready')]);
  expect(asked.length - before).toBe(3);
});

test('memory of the workers on a GPU is not free, even if the driver reports it as free', async () => {
  const { gpus } = machine([RADEON], [RADEON]);
  const freeWith = async (...running: Running[]) => (await gpus.list(running))[0]?.memory_free_bytes;
  expect(await freeWith(on(0, 'loading'))).toBe(15 * GB);
  expect(await freeWith(on(0, 'ready'))).toBe(14 * GB);
  expect(await freeWith(on(0, 'ready', 20 * GB))).toBe(0);
  expect(await freeWith(on(0, 'exited'))).toBe(15 * GB);
});

test('a GPU that no longer answers is not listed, and not probed at every reading', async () => {
  let isDead = false;
  let asked = 0;
  const gpus = new VulkanGpus(async () => {
    asked += 1;
    return isDead ? undefined : { names: [RADEON], memory_bytes: GB, memory_free_bytes: GB, unified: false };
  });
  expect(await gpus.list([])).toHaveLength(1);
  isDead = true;
  expect(await gpus.list([on(0, 'ready')])).toEqual([]);
  const before = asked;
  expect(await gpus.list([on(0, 'ready')])).toEqual([]);
  expect(asked).toBe(before);
});

test('a GPU whose first probe timed out is probed again, and the others stay listed', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  vi.advanceTimersByTime(1_000_000);
  const { ask } = machine([RADEON, ARC], [RADEON, ARC]);
  let isBusy = true;
  const gpus = new VulkanGpus(async (question) => (isBusy && question.device === 1 ? undefined : ask(question)));
  expect(await gpus.list([])).toHaveLength(1);
  isBusy = false;
  expect(await gpus.list([])).toHaveLength(1);
  vi.advanceTimersByTime(121_000);
  expect(await gpus.list([])).toHaveLength(2);
});

test('a GPU with shared memory is probed again when a worker on the CPU has started or exited', async () => {
  let free = 15 * GB;
  const gpus = new VulkanGpus(async () => ({ names: [ARC], memory_bytes: 16 * GB, memory_free_bytes: free, unified: true }));
  const loaded: Running = { id: 'worker-2', worker: 'cpu', device: 0, state: 'loading', needBytes: 8 * GB };
  expect(await gpus.list([loaded])).toMatchObject([{ memory_free_bytes: 15 * GB }]);
  free = 7 * GB;
  expect(await gpus.list([{ ...loaded, state: 'ready' }])).toMatchObject([{ memory_free_bytes: 7 * GB }]);
});
