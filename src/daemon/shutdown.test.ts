import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { buildPrograms, type Programs } from './fixtures/programs.ts';

let programs: Programs;
beforeAll(async () => {
  programs = await buildPrograms();
});
afterEach(async () => {
  expect(await programs.stillRunning()).toEqual([]);
});
afterAll(() => programs[Symbol.asyncDispose]());

test.each(['SIGINT', 'SIGTERM'] as const)('the first %s runs the shutdown, and the process exits with 0', async (signal) => {
  await using program = programs.run('shutting-down', 'peacefully');
  expect(await program.line()).toBe('running');
  program.child.kill(signal);
  expect(await program.line()).toBe(`ending because of ${signal}`);
  expect(await program.ended).toEqual({ exitCode: 0, signal: null });
});

test('a second signal exits at once, with the code that a shell reports for that signal', async () => {
  await using program = programs.run('shutting-down', 'hanging', '60000');
  await program.line();
  program.child.kill('SIGTERM');
  expect(await program.line()).toBe('ending because of SIGTERM');
  program.child.kill('SIGINT');
  expect(await program.ended).toEqual({ exitCode: 130, signal: null });
});

test('a failed shutdown exits with 1, and the log says why', async () => {
  await using program = programs.run('shutting-down', 'failing');
  await program.line();
  program.child.kill('SIGTERM');
  expect(await program.ended).toEqual({ exitCode: 1, signal: null });
  expect(await program.errors()).toMatch(/^the shutdown failed RangeError: the disk is gone\n/);
});

test('a shutdown that exceeds its deadline exits with 1, and the log says so', async () => {
  await using program = programs.run('shutting-down', 'hanging', '100');
  await program.line();
  program.child.kill('SIGTERM');
  expect(await program.ended).toEqual({ exitCode: 1, signal: null });
  expect(await program.errors()).toBe('the shutdown took longer than 100 ms\n');
});
