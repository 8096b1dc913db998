import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { buildPrograms, type Programs, type RunningProgram } from './fixtures/programs.ts';
import { processStart } from './process-start.ts';
import { stopProcess, whenEnded } from './stop.ts';

let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});
afterEach(async () => {
  expect(await programs.stillRunning()).toEqual([]);
});
afterAll(() => programs[Symbol.asyncDispose]());

/** The process as a pidfile names it, once it has said its first line. */
async function identityOf(program: RunningProgram) {
  await program.line();
  return { name: 'attic', pid: program.pid, started: (await processStart(program.pid)) ?? '' };
}

test('a process that exits on SIGTERM is not killed, and stopping it again does nothing', async () => {
  await using program = programs.run('shutting-down', 'peacefully');
  const target = await identityOf(program);
  expect(await stopProcess(target, { graceMs: 100_000 })).toBe('ended');
  expect(await program.line()).toBe('ending because of SIGTERM');
  expect(await program.ended).toEqual({ exitCode: 0, signal: null });
  expect(await stopProcess(target, { graceMs: 100_000 })).toBe('not_running');
});

test('a process that ignores SIGTERM is killed after the grace period', async () => {
  await using program = programs.run('stubborn-daemon');
  const target = await identityOf(program);
  expect(await stopProcess(target, { graceMs: 100 })).toBe('killed');
  expect(await program.ended).toEqual({ exitCode: null, signal: 'SIGKILL' });
});

test('a stopped process is woken to exit on SIGTERM', async () => {
  await using program = programs.run('shutting-down', 'peacefully');
  const target = await identityOf(program);
  program.child.kill('SIGSTOP');
  expect(await stopProcess(target, { graceMs: 100_000 })).toBe('ended');
  expect(await program.ended).toEqual({ exitCode: 0, signal: null });
});

test('a pid that now belongs to another process gets no signal', async () => {
  await using program = programs.run('stubborn-daemon');
  const target = await identityOf(program);
  expect(await stopProcess({ ...target, started: 'before' }, { graceMs: 100_000 })).toBe('not_running');
  expect(await processStart(program.pid)).toBe(target.started);
});

test('two concurrent stops both return when the process has exited', async () => {
  await using program = programs.run('stubborn-daemon');
  const target = await identityOf(program);
  const outcomes = await Promise.all([1, 2].map(() => stopProcess(target, { graceMs: 100 })));
  expect(outcomes.every((outcome) => outcome !== 'not_running')).toBe(true);
});

test.skipIf(process.getuid?.() === 0)('a process of another user keeps running, and the error names its pid', async () => {
  const init = { name: 'init', pid: 1, started: (await processStart(1)) ?? '' };
  await expect(stopProcess(init, { graceMs: 100_000 })).rejects.toMatchObject({
    code: 'daemon_stop_failed',
    message: 'init belongs to another user. End it as that user: kill 1',
  });
});

test('whenEnded notices the exit of a process that is not a child, and can be aborted', async () => {
  await using program = programs.run('stubborn-daemon');
  const target = await identityOf(program);
  await expect(whenEnded(target, AbortSignal.timeout(50))).rejects.toThrow();
  const ended = whenEnded(target, AbortSignal.timeout(100_000));
  program.child.kill('SIGKILL');
  await ended;
  await whenEnded(target, AbortSignal.timeout(100_000));
});
