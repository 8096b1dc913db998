import { expect, test } from 'vitest';
import { context } from '../../jobs/fixtures/test-jobs.ts';
import { spoken } from '../../narration/index.ts';
import { Gates } from './gates.ts';

const never = new AbortController().signal;

/** A gate narrates under the job that waits at it. */
function enter(gates: Gates, said: string[] = []): Promise<() => void> {
  const run = spoken('queen-rbee', async function* () {
    return gates.enter('attic', never);
  });
  return run(undefined, context({ emit: (event) => void said.push(JSON.stringify(event.data)) }))
    .next()
    .then(({ value }) => value as () => void);
}

test('a job that waited at a closed gate and entered counts as inside when the gate is closed again', async () => {
  const gates = new Gates();
  const open = gates.close('attic', 'is being updated');
  const entering = enter(gates);
  open();
  const leave = await entering;
  expect(gates.inside('attic')).toBe(1);
  let isEmpty = false;
  const empty = gates.empty('attic', never).then(() => (isEmpty = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isEmpty).toBe(false);
  leave();
  await empty;
  expect(gates.inside('attic')).toBe(0);
});

test('a gate that two have closed is open when both have opened it', async () => {
  const gates = new Gates();
  const openAfterUpdate = gates.close('attic', 'is being updated');
  const openAfterRemoval = gates.close('attic', 'is being removed');
  openAfterRemoval();
  expect(gates.whyClosed('attic')).toBe('is being updated');
  openAfterUpdate();
  openAfterUpdate();
  expect(gates.whyClosed('attic')).toBeUndefined();
  expect(gates.opened()).toBeUndefined();
});
