import { expect, test } from 'vitest';
import { refuseIfTooLarge } from './memory-need.ts';

const gib = 1024 ** 3;
const shape = { slots: 4, contextSize: 8192 };

test('a model that does not fit is refused with what it needs and what is free', () => {
  expect(() => refuseIfTooLarge({ weightsBytes: 38 * gib, contextBytes: 3.25 * gib }, 22.9 * gib, shape)).toThrowError(
    expect.objectContaining({
      code: 'model_too_large',
      message:
        'The model needs about 41.3 GiB (38.0 GiB of weights, 3.3 GiB for 4 slots of 8192 tokens) and 22.9 GiB are free. ' +
        'Choose a smaller model, fewer slots or a smaller context.',
    }),
  );
});

test('a model that just fits is accepted', () => {
  expect(() => refuseIfTooLarge({ weightsBytes: 20 * gib, contextBytes: 2 * gib }, 22 * gib, shape)).not.toThrow();
});
