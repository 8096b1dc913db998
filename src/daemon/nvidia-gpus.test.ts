import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nvidiaGpus, parseNvidiaGpus } from './nvidia-gpus.ts';

const MIB = 1024 ** 2;

test('a line of nvidia-smi is a GPU with its index, its memory in bytes and its driver', () => {
  const uuid = 'GPU-5f1e6a3c-0000-4000-8000-000000000000';
  expect(parseNvidiaGpus(`0, ${uuid}, NVIDIA GeForce RTX 3060, 12288, 11900, 550.54.14\n`)).toEqual([
    {
      index: 0,
      uuid,
      name: 'NVIDIA GeForce RTX 3060',
      memoryBytes: 12_288 * MIB,
      memoryFreeBytes: 11_900 * MIB,
      driver: '550.54.14',
    },
  ]);
});

test('a GPU that shares the memory of its machine has no memory of its own', () => {
  const [gpu] = parseNvidiaGpus('0, GPU-1, NVIDIA GB10, [N/A], [N/A], 580.95\n');
  expect(gpu).toMatchObject({ name: 'NVIDIA GB10', memoryBytes: 0, memoryFreeBytes: 0 });
});

test.each(['', 'No devices were found\n'])('the output %j of nvidia-smi is no GPU', (csv) => {
  expect(parseNvidiaGpus(csv)).toEqual([]);
});

test('an nvidia-smi that ignores SIGTERM is killed within its deadline', async () => {
  const bin = await mkdtemp(join(tmpdir(), 'rbee-smi-'));
  onTestFinished(() => rm(bin, { recursive: true }));
  await writeFile(join(bin, 'nvidia-smi'), "#!/bin/sh\ntrap '' TERM\nexec sleep 120\n", { mode: 0o755 });
  vi.stubEnv('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const begun = performance.now();
  expect(await nvidiaGpus()).toEqual([]);
  expect(performance.now() - begun).toBeLessThan(60_000);
});
