import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modelWorkshop } from '../../src/worker/engines/llama/fixtures/gguf.ts';
import { ask } from '../support/streams.ts';
import { expectSameProcess, logLines, threeDaemons, type ThreeDaemons } from './three-daemons.ts';

type Workshop = Awaited<ReturnType<typeof modelWorkshop>>;

let daemons: ThreeDaemons;
let workshop: Workshop;
/** A debugger in the place of gdb, which would take seconds to print the stack of a process that aborts. */
let debuggers: string;
beforeAll(async () => {
  debuggers = await mkdtemp(join(tmpdir(), 'rbee-debugger-'));
  await writeFile(join(debuggers, 'gdb'), `#!/bin/sh\n: >'${debuggers}/started'\n`, { mode: 0o755 });
  const env = { PATH: `${debuggers}:${process.env['PATH'] ?? ''}` };
  [daemons, workshop] = await Promise.all([threeDaemons(env), modelWorkshop()]);
});
afterAll(async () => {
  await workshop.clear();
  await daemons[Symbol.asyncDispose]();
  await rm(debuggers, { recursive: true });
});

/** Headers that llama.cpp asserts over: the process that reads them ends. */
const deadly: [name: string, change: Parameters<Workshop['make']>[0], how: RegExp][] = [
  ['no key heads', { set: { 'llama.attention.head_count_kv': 0 } }, /SIGABRT/],
  ['more layers than there can be', { set: { 'llama.block_count': 513 } }, /SIGABRT/],
  ['experts without number', { set: { 'llama.expert_count': 4_294_967_295 } }, /SIGABRT/],
  ['parts that are not there', { set: { 'split.count': 9_999 } }, /SIGABRT/],
];

test.each(deadly)('a model with %s ends its own worker only, and the error says how', async (_name, change, how) => {
  const path = await workshop.make(change);
  const { code, stdout, stderr } = await daemons.swarm.rbee(['worker', 'spawn', '--model', path, '--slots', '1', '-q']);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^Error: worker-[0-9a-f]+ was ended by /);
  expect(stderr).toMatch(how);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(6);
  await expectOthersServe();
});

test('a request for such a model gets the error, and does not load the model again', async () => {
  const path = await workshop.make({ set: { 'llama.block_count': 513 } });
  const { code, stdout, stderr } = await daemons.swarm.rbee(['infer', 'hello', '--model', path]);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^Error: worker-[0-9a-f]+ was ended by SIGABRT/m);
  expect(stderr.match(/loading \S+ on cpu/g)).toHaveLength(1);
  expect(code).toBe(6);
  await expectOthersServe();
});

test('a request that waits for such a load fails with it', async () => {
  const path = await workshop.make({ set: { 'llama.block_count': 513 } });
  const requests = Array.from({ length: 4 }, () => daemons.swarm.rbee(['infer', 'hello', '-q', '--model', path]));
  for (const { code, stderr } of await Promise.all(requests)) {
    expect(stderr).toMatch(/^Error: worker-[0-9a-f]+ was ended by SIGABRT/);
    expect(code).toBe(6);
  }
  await expectOthersServe();
});

test.each([
  ['a text for the context', { set: { 'llama.context_length': 'long' } }],
  ['an alignment of nothing', { set: { 'general.alignment': 0 } }],
  ['a list of tokens that is a text', { set: { 'tokenizer.ggml.tokens': 'x' } }],
])('a model with %s is refused by the worker itself', async (_name, change) => {
  const path = await workshop.make(change);
  const { code, stderr } = await daemons.swarm.rbee(['worker', 'spawn', '--model', path, '--slots', '1', '-q']);
  expect(stderr).toMatch(/^Error: /);
  expect(stderr).not.toMatch(/NaN GB|^\s+at /m);
  expect(code).toBe(6);
});

test('a model with a template that cannot be read is loaded, and each conversation is refused with a sentence', async () => {
  const path = await workshop.make({ set: { 'tokenizer.chat_template': '{{' } });
  const { code, stderr } = await daemons.swarm.rbee(['infer', '-q', 'hello', '--model', path]);
  expect(stderr).toMatch(/^Error: .*chat template/);
  expect(code).toBe(2);
  const { workers } = await ask(daemons.swarm, 'worker_list');
  for (const { worker_id, model } of workers) if (model === path) await ask(daemons.swarm, 'worker_delete', { worker_id });
});

test('no worker that aborted has waited for a debugger', () => {
  expect(existsSync(join(debuggers, 'started'))).toBe(false);
});

test('exited workers are listed with their last output, and no other daemon has exited', async () => {
  const { workers } = await daemons.swarm.result<{ workers: { state: string; last_words?: string }[] }>(['worker', 'list']);
  expect(workers.filter(({ state }) => state === 'ready')).toHaveLength(1);
  for (const { state, last_words } of workers) if (state === 'exited') expect(last_words).not.toBe('');
  expect(logLines(daemons.swarm.home).filter((line) => /unhandled|uncaught|"code":"internal"/i.test(line))).toEqual([]);
});

/** The worker that was there before answers as if nothing had happened. */
async function expectOthersServe(): Promise<void> {
  for (const role of ['queen', 'hive', 'worker'] as const) await expectSameProcess(daemons[role]);
  const { text } = await ask(daemons.swarm, 'infer', { prompt: 'What is 2 + 3?', temperature: 0 });
  expect(text).toBe('2 plus 3 is 5.');
}
