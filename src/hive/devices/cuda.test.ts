import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nvidiaGpus, parseGpus } from './cuda.ts';

const MIB = 1024 ** 2;
const CSV = [
  '0, GPU-5f1e6a3c-0000-4000-8000-000000000000, NVIDIA GeForce RTX 3060, 12288, 11900, 550.54.14',
  '1, GPU-b7d30b11-0000-4000-8000-000000000000, NVIDIA GeForce RTX 4090, 24564, 24000, 550.54.14',
  '',
].join('\n');

test('each GPU has its number, its memory in bytes and its driver', () => {
  expect(parseGpus(CSV, undefined)[0]).toEqual({
    worker: 'cuda',
    device: 0,
    name: 'NVIDIA GeForce RTX 3060',
    memory_bytes: 12_288 * MIB,
    memory_free_bytes: 11_900 * MIB,
    driver: '550.54.14',
  });
});

test.each([
  ['1', [1]],
  ['1,0', [0, 1]],
  ['GPU-b7d30b11', [1]],
  ['', []],
  [undefined, [0, 1]],
])('a hive that was given %j of CUDA_VISIBLE_DEVICES has no others', (visible, numbers) => {
  expect(parseGpus(CSV, visible).map(({ device }) => device)).toEqual(numbers);
});

test('where there is no driver, what is said is no GPU', () => {
  expect(parseGpus('', undefined)).toEqual([]);
  expect(parseGpus('No devices were found\n', undefined)).toEqual([]);
});

test('a driver whose program does not end when it is asked to holds up nobody', async () => {
  const bin = await mkdtemp(join(tmpdir(), 'rbee-smi-'));
  onTestFinished(() => rm(bin, { recursive: true }));
  await writeFile(join(bin, 'nvidia-smi'), "#!/bin/sh\ntrap '' TERM\nexec sleep 120\n", { mode: 0o755 });
  vi.stubEnv('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  const begun = performance.now();
  expect(await nvidiaGpus(true)).toEqual([]);
  expect(performance.now() - begun).toBeLessThan(60_000);
});
