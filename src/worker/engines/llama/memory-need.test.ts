import { expect, test } from 'vitest';
import { refuseIfTooLarge } from './memory-need.ts';

const GB = 1e9;
const shape = { slots: 4, contextSize: 8192 };

test('a model that does not fit is refused with the memory that it needs and the memory that is free', () => {
  expect(() => refuseIfTooLarge({ weightsBytes: 38 * GB, contextBytes: 3.25 * GB }, 22.9 * GB, shape)).toThrowError(
    expect.objectContaining({
      code: 'model_too_large',
      message: 'The model needs about 41.3 GB (38.0 GB of weights, 3.3 GB for 4 slots of 8192 tokens) and 22.9 GB are free',
    }),
  );
});

test('a model that needs exactly the free memory is accepted', () => {
  expect(() => refuseIfTooLarge({ weightsBytes: 20 * GB, contextBytes: 2 * GB }, 22 * GB, shape)).not.toThrow();
});
