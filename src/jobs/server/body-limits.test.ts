import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobError, type Handlers } from '../../contract/index.ts';
import { postJob } from '../client.ts';
import { startTestDaemon, type TestDaemon } from '../fixtures/test-daemon.ts';
import { post } from '../fixtures/test-jobs.ts';

const MIB = 1024 * 1024;
const infer: Handlers['infer'] = async function* () {
  throw new JobError('no_room', 'enough');
};
const words = (bytes: number) => ({ prompt: 'x'.repeat(bytes) });
const tokens = (values: number) => ({ prompt_tokens: Array.from({ length: values }, () => 7) });

let folder: string;
let daemon: TestDaemon;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-bodies-'));
  daemon = await startTestDaemon({ handlers: { infer }, secretFile: join(folder, 'secret'), inputsLimitBytes: 45 * MIB });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const postProven = (input: object) => postJob(daemon.peer, { operation: 'infer', input, correlationId: 'large' });
const refusalOf = async (input: object) => {
  const { status, body } = await post(daemon, { operation: 'infer', ...input });
  return [status, (body as { error?: { code: string } }).error?.code];
};

test.each([
  ['32 MiB', words(32 * MIB)],
  ['a million values', tokens(1_000_000)],
])('a caller that has proved itself may send %s', async (_what, input) => {
  await expect(postProven(input)).resolves.toMatch(/^job-/);
});

test.each([
  ['41 MiB', words(41 * MIB), 'body_too_large', `${40 * MIB} bytes`],
  ['1,300,000 values', tokens(1_300_000), 'invalid_input', '1250000 values'],
])('a caller that has proved itself is refused %s', async (_what, input, code, limit) => {
  await expect(postProven(input)).rejects.toMatchObject({ code, message: expect.stringContaining(limit) as string });
});

test('other callers may send 4 MiB and 50,000 values, also while a proven caller sends more', async () => {
  const proven = postProven(words(32 * MIB));
  expect(await refusalOf(words(4 * MIB + 1))).toEqual([413, 'body_too_large']);
  expect(await refusalOf(tokens(60_000))).toEqual([422, 'invalid_input']);
  expect(await refusalOf(words(4 * MIB - 1_000))).toEqual([200, undefined]);
  expect(await proven).toMatch(/^job-/);
});

test('a body that never fits into the memory for requests is refused for good, not until other requests have ended', async () => {
  await using small = await startTestDaemon({ handlers: { infer }, inputsLimitBytes: MIB });
  expect(await post(small, { operation: 'infer', ...words(2 * MIB) })).toMatchObject({
    status: 413,
    body: { error: { code: 'body_too_large', retryable: false } },
  });
});
