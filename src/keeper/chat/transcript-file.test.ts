import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryFolder, type TemporaryFolder } from '../../daemon/fixtures/temporary-folder.ts';
import { TranscriptFile } from './transcript-file.ts';

let home: TemporaryFolder;
let folder: string;
beforeEach(async () => {
  home = await temporaryFolder();
  folder = join(home.path, 'data', 'chats');
});
afterEach(() => home[Symbol.asyncDispose]());

const unexpected = (cause: unknown) => {
  throw cause;
};

/** As after a crash: the process that had the conversation open is another one. */
async function crash(file: TranscriptFile): Promise<void> {
  const text = await readFile(file.path, 'utf8');
  await writeFile(file.path, text.replaceAll(/"started":"[^"]*"/g, '"started":"earlier"'));
}

test('a conversation that was not ended is resumed, even if its last line was cut', async () => {
  const file = await TranscriptFile.create(folder, unexpected);
  file.add({ kind: 'user', text: 'Hello', key: 'key-1' });
  await crash(file);
  await appendFile(file.path, '{"kind":"ans');
  const resumed = await TranscriptFile.resume(folder, unexpected);
  expect(resumed.transcript.pending).toEqual({ text: 'Hello', key: 'key-1' });
  resumed.add({ kind: 'answer', text: 'Hi!' });
  await crash(resumed);
  expect((await TranscriptFile.resume(folder, unexpected)).transcript.messages).toHaveLength(2);
});

test('only its user can read it', async () => {
  const { path } = await TranscriptFile.create(folder, unexpected);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
});

test('a conversation that is open, was ended or never began is not resumed', async () => {
  const open = await TranscriptFile.create(folder, unexpected);
  open.add({ kind: 'user', text: 'Hello', key: 'key-1' });
  const ended = await TranscriptFile.create(folder, unexpected);
  ended.add({ kind: 'user', text: 'Hello', key: 'key-2' });
  ended.end();
  await crash(await TranscriptFile.create(folder, unexpected));
  await expect(TranscriptFile.resume(folder, unexpected)).rejects.toMatchObject({
    code: 'invalid_input',
    message: 'There is no conversation to resume: each was ended, or is open elsewhere.',
  });
});

test('the oldest of very many that were not ended are forgotten', async () => {
  await mkdir(folder, { recursive: true });
  const lines = ['{"kind":"open","pid":1,"started":"earlier"}', '{"kind":"user","text":"a","key":"b"}'].join('\n');
  for (let each = 0; each < 25; each += 1) await writeFile(join(folder, `${each}.jsonl`), lines);
  await TranscriptFile.create(folder, unexpected);
  expect(await readdir(folder)).toHaveLength(21);
});

test('a conversation that never began is forgotten by the next one', async () => {
  const empty = await TranscriptFile.create(folder, unexpected);
  empty.add({ kind: 'options', options: { model: 'tiny' } });
  await crash(empty);
  const { path } = await TranscriptFile.create(folder, unexpected);
  expect(await readdir(folder)).toEqual([basename(path)]);
});

test('where it cannot be written, the conversation continues, and the reason is reported once', async () => {
  await mkdir(join(home.path, 'data'));
  await writeFile(folder, 'a file in the place of the folder');
  const reasons: unknown[] = [];
  const file = await TranscriptFile.create(folder, (cause) => reasons.push(cause));
  file.add({ kind: 'user', text: 'Hello', key: 'key-1' });
  file.add({ kind: 'answer', text: 'Hi!' });
  expect(file.transcript.messages).toHaveLength(2);
  expect(reasons).toHaveLength(1);
});
