import { expect, test } from 'vitest';
import { soonest } from './ask-connection.ts';

function listed(id: string, isLoaded = false) {
  return { id, context_length: 1, max_model_len: 1, loaded: isLoaded ? [{}] : [] };
}

test('a model that is loaded is suggested first, and the included one last', () => {
  expect(soonest([listed('tiny', true), listed('a'), listed('b', true)]).id).toBe('b');
  expect(soonest([listed('tiny', true), listed('a')]).id).toBe('a');
  expect(soonest([listed('tiny')]).id).toBe('tiny');
  expect(() => soonest([])).toThrow('This fleet has no model.');
});
