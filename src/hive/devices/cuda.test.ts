import { expect, test } from 'vitest';
import { visibleGpus } from './cuda.ts';

const gpu = (index: number, uuid: string) => ({ index, uuid, name: 'x', memoryBytes: 1, memoryFreeBytes: 1, driver: '550' });
const gpus = [gpu(0, 'GPU-5f1e6a3c-0000-4000-8000-000000000000'), gpu(1, 'GPU-b7d30b11-0000-4000-8000-000000000000')];

test.each([
  ['1', [1]],
  ['1,0', [0, 1]],
  ['GPU-b7d30b11', [1]],
  ['', []],
  [undefined, [0, 1]],
])('with CUDA_VISIBLE_DEVICES %j a hive uses the GPUs %j', (visible, indexes) => {
  expect(visibleGpus(gpus, visible).map(({ index }) => index)).toEqual(indexes);
});
