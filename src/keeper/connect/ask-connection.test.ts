import { expect, test } from 'vitest';
import { named, soonest } from './ask-connection.ts';

function listed(id: string, isLoaded = false, capability = 'completion') {
  return { id, context_length: 1, max_model_len: 1, capabilities: [capability], loaded: isLoaded ? [{}] : [] };
}

test('a model that is loaded is suggested first, and the included one last', () => {
  expect(soonest([listed('tiny', true), listed('a'), listed('b', true)]).id).toBe('b');
  expect(soonest([listed('tiny', true), listed('a')]).id).toBe('a');
  expect(soonest([listed('tiny')]).id).toBe('tiny');
  expect(() => soonest([])).toThrow('This fleet has no model that writes text.');
});

test('a model that only turns text into vectors is neither suggested nor accepted', () => {
  const models = [listed('tiny'), listed('vectors', true, 'embedding')];
  expect(soonest(models).id).toBe('tiny');
  expect(() => soonest(models.slice(1))).toThrow('This fleet has no model that writes text.');
  expect(() => named(models, 'vectors')).toThrow("'vectors' does not write text. Choose a model that does: --model <name>");
  expect(() => named(models, 'a')).toThrow("This fleet has no model 'a'. It has tiny.");
});
