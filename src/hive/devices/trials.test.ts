import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { device, type Device } from '../../contract/index.ts';
import { problemIn } from './probe.ts';
import { Trials } from './trials.ts';

const GPU: Device = {
  worker: 'cuda',
  device: 0,
  name: 'NVIDIA H200',
  memory_bytes: 1,
  memory_free_bytes: 1,
  driver: '580.159.04',
  usable: true,
};

async function trialsOf(problem?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-trials-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'gpu-trials.json');
  const tried: string[] = [];
  const problems = { now: problem };
  const tryGpu = async ({ worker, device }: { worker: string; device: number }) => {
    tried.push(`${worker}:${device}`);
    return problems.now;
  };
  return { tried, file, problems, start: (engine = '3.21.1') => new Trials({ file, tryGpu, engine }) };
}

test('a GPU on which the engine computes stays usable, and is tried once, also after a restart of the hive', async () => {
  const { start, tried } = await trialsOf();
  const trials = start();
  expect(await Promise.all([trials.judge(GPU), trials.judge(GPU)])).toEqual([GPU, GPU]);
  expect(await start().judge(GPU)).toEqual(GPU);
  expect(tried).toEqual(['cuda:0']);
});

test('a GPU on which the engine fails is not usable, reports why, and is tried again after a restart of the hive', async () => {
  const { start, tried } = await trialsOf('CUDA error');
  const judged = { usable: false, problem: 'the engine cannot compute on it (CUDA error)' };
  const trials = start();
  expect(await trials.judge(GPU)).toMatchObject(judged);
  expect(await trials.judge(GPU)).toMatchObject(judged);
  expect(tried).toEqual(['cuda:0']);
  expect(await start().judge(GPU)).toMatchObject(judged);
  expect(tried).toEqual(['cuda:0', 'cuda:0']);
});

test('a GPU whose driver was repaired is usable again, without another version', async () => {
  const { start, problems } = await trialsOf('CUDA error');
  await start().judge(GPU);
  problems.now = undefined;
  const trials = start();
  expect(await trials.judge(GPU)).toMatchObject({ usable: false });
  await expect.poll(() => trials.judge(GPU)).toEqual(GPU);
});

test('a trial that is cut off by the stop of the hive is not stored', async () => {
  const { start, tried } = await trialsOf('not tried');
  expect(await start().judge(GPU)).toMatchObject({ usable: false, problem: 'the engine is being tried on it' });
  await start().judge(GPU);
  expect(tried).toHaveLength(2);
});

test('a GPU is tried again with another driver, with another engine, and where the stored trials are damaged', async () => {
  const { start, tried, file } = await trialsOf();
  const trials = start();
  await trials.judge(GPU);
  await trials.judge({ ...GPU, driver: '590.1' });
  expect(tried).toHaveLength(2);
  await start('3.22.0').judge({ ...GPU, driver: '590.1' });
  expect(tried).toHaveLength(3);
  await writeFile(file, '{"cuda:0": 1');
  await start('3.22.0').judge({ ...GPU, driver: '590.1' });
  expect(tried).toHaveLength(4);
});

test('a GPU without its engine is not tried', async () => {
  const { start, tried } = await trialsOf();
  const gpu = { ...GPU, usable: false };
  expect(await start().judge(gpu)).toEqual(gpu);
  expect(tried).toEqual([]);
});

test('the output of an aborted process is reduced to its errors, without stack and folders', () => {
  const stderr = [
    'ggml_cuda_init: found 1 CUDA devices:',
    'CUDA error: the provided PTX was compiled with an unsupported toolchain.',
    '/home/builder/llama.cpp/ggml/src/ggml-cuda/ggml-cuda.cu:98: CUDA error',
    '/opt/engine/llama-addon.node(_ZN4Napi11AsyncWorker7OnErrorERKNS_5ErrorE+0x32)[0x7f2d447214b2]',
    '/lib/x86_64-linux-gnu/libc.so.6(+0x129ecc)[0x7f2d47929ecc]',
  ].join('\n');
  expect(problemIn(stderr)).toBe(
    'CUDA error: the provided PTX was compiled with an unsupported toolchain.; ggml-cuda.cu:98: CUDA error',
  );
  expect(problemIn('nothing to see')).toBeUndefined();
});

test('a device is reported within the limits of the contract, however much its trial prints', async () => {
  const { start } = await trialsOf('Command failed: '.repeat(100));
  expect(device.safeParse(await start().judge(GPU)).success).toBe(true);
});
