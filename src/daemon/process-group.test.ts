import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { buildPrograms, type Programs } from './fixtures/programs.ts';
import { killGroupOf } from './process-group.ts';
import { processStart } from './process-start.ts';
import { stopProcess } from './stop.ts';

let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});
afterEach(async () => {
  await expect.poll(() => programs.stillRunning()).toEqual([]);
});
afterAll(() => programs[Symbol.asyncDispose]());

/** A leader of a process group with one child. */
async function startGroup() {
  const program = programs.run('parent');
  const childPid = Number(await program.line());
  const identity = { name: 'parent', pid: program.pid, started: (await processStart(program.pid)) ?? '' };
  return { program, childPid, identity };
}

test('a child that has outlived the leader of its process group is killed', async () => {
  const { program, childPid, identity } = await startGroup();
  await stopProcess(identity, { graceMs: 0 });
  await program.ended;
  expect(await processStart(childPid)).toBeDefined();
  await killGroupOf(identity);
  await expect.poll(() => processStart(childPid)).toBeUndefined();
});

test('a leader that still runs is killed together with its child', async () => {
  const { program, childPid, identity } = await startGroup();
  await killGroupOf(identity);
  expect(await program.ended).toEqual({ exitCode: null, signal: 'SIGKILL' });
  await expect.poll(() => processStart(childPid)).toBeUndefined();
});

test('a group whose number now belongs to another process is left alone', async () => {
  const { program, childPid, identity } = await startGroup();
  await killGroupOf({ ...identity, started: identity.started.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10)) });
  expect(await processStart(program.pid)).toBe(identity.started);
  expect(await processStart(childPid)).toBeDefined();
  await killGroupOf(identity);
});

test('an empty group is no error', async () => {
  const { identity, program } = await startGroup();
  await killGroupOf(identity);
  await program.ended;
  await killGroupOf(identity);
});

test.each([0, 1, -5])('the pid %d, which stands for other groups in kill(2), is never signalled', async (pid) => {
  await expect(killGroupOf({ pid, started: 'x' })).rejects.toThrow('the pid of a daemon');
});
