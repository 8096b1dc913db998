import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { LogFile } from './log-file.ts';

function temporaryLog(maxBytes = 10_000) {
  const folder = fs.mkdtempSync(join(tmpdir(), 'rbee-log-'));
  const file = join(folder, 'logs/queen.log');
  fs.mkdirSync(join(folder, 'logs'));
  const log = new LogFile({ file, maxBytes });
  return {
    file,
    log,
    lines: (of = file) => fs.readFileSync(of, 'utf8').trimEnd().split('\n'),
    [Symbol.dispose]() {
      log.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

const line = (msg: string, more: object = {}) => `${JSON.stringify({ level: 'info', ...more, msg })}\n`;
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => line(`line ${from + index}`));

test('a log over its size limit is rotated while its daemon runs: no line is lost, and both files take twice the limit at most', () => {
  using here = temporaryLog();
  for (const each of numbered(0, 700)) {
    here.log.write(each);
    expect(fs.statSync(here.file).size).toBeLessThanOrEqual(10_000);
  }
  expect(fs.readdirSync(join(here.file, '..'))).toEqual(['queen.log', 'queen.log.1']);
  const kept = [...here.lines(`${here.file}.1`), ...here.lines()].map((text) => `${text}\n`);
  expect(kept).toEqual(numbered(700 - kept.length, 700));
  expect(kept.length).toBeGreaterThan(250);
});

test('engine output on stderr counts towards the size, and continues in the same file after a rotation', () => {
  using here = temporaryLog();
  // As the descriptor that a daemon has as its stderr.
  const stderr = fs.openSync(here.file, 'a');
  fs.writeSync(stderr, 'ggml: noise\n'.repeat(5_000));
  here.log.write(line('after the noise'));
  fs.writeSync(stderr, 'a crash and its stack\n');
  fs.closeSync(stderr);
  expect(here.lines()).toEqual([line('after the noise').trim(), 'a crash and its stack']);
  expect(fs.readFileSync(`${here.file}.1`, 'utf8')).toBe('ggml: noise\n'.repeat(833));
});

test('three daemons that rotate their logs at once keep to their own files', () => {
  using here = temporaryLog();
  const names = ['queen', 'hive', 'worker-1'];
  const logs = names.map((name) => new LogFile({ file: join(here.file, '..', `${name}-of-three.log`), maxBytes: 1_000 }));
  for (let count = 0; count < 50; count += 1) logs.forEach((log, index) => log.write(line(`${names[index]} ${count}`)));
  for (const log of logs) log.close();
  for (const name of names) {
    const file = join(here.file, '..', `${name}-of-three.log`);
    for (const text of [...here.lines(file), ...here.lines(`${file}.1`)]) expect(text).toContain(name);
  }
});

test('a line that is repeated is written five times in a minute, and then counted', () => {
  using here = temporaryLog();
  for (let count = 0; count < 1_000; count += 1) {
    here.log.write(line('hive answers', { time: String(count), job_id: `job-${count}` }));
    here.log.write(line('hive is silent'));
  }
  expect(here.lines()).toHaveLength(10);
  here.log.close();
  const [last, other] = here.lines().slice(-2);
  expect(JSON.parse(last ?? '')).toEqual({ level: 'info', time: '999', job_id: 'job-999', msg: 'hive answers', repeated: 995 });
  expect(JSON.parse(other ?? '')).toMatchObject({ msg: 'hive is silent', repeated: 995 });
});

test('a line of megabytes is cut, and its original length is logged', () => {
  using here = temporaryLog(1_000_000);
  here.log.write(line('x'.repeat(10_000_000), { action: 'infer', rest: 'y'.repeat(1_000) }));
  const [only = ''] = here.lines();
  expect(only.length).toBeLessThan(5_000);
  expect(JSON.parse(only)).toMatchObject({ action: 'infer', cut_chars: 10_001_053 });
});

test.each([
  ['deleted', (file: string) => fs.rmSync(file)],
  ['renamed, as logrotate does', (file: string) => fs.renameSync(file, `${file}.old`)],
  ['deleted with its folder', (file: string) => fs.rmSync(join(file, '..'), { recursive: true })],
])('a log that is %s while its daemon runs is created again', (_how, remove) => {
  using here = temporaryLog();
  here.log.write(line('before'));
  remove(here.file);
  here.log.write(line('after'));
  expect(here.lines()).toEqual([line('after').trim()]);
  expect(fs.statSync(here.file).mode & 0o777).toBe(0o600);
});

test('a deleted log is created again when a line is written, and not by the size check', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  using here = temporaryLog();
  here.log.write(line('before'));
  fs.rmSync(here.file);
  vi.advanceTimersByTime(5_000);
  vi.useRealTimers();
  expect(fs.existsSync(here.file)).toBe(false);
  here.log.write(line('after'));
  expect(here.lines()).toEqual([line('after').trim()]);
});

test('a deleted home is not created again by its log', () => {
  using here = temporaryLog();
  fs.rmSync(join(here.file, '../..'), { recursive: true });
  here.log.write(line('into nothing'));
  expect(fs.existsSync(join(here.file, '../..'))).toBe(false);
});

test.each([
  ['a folder', (file: string) => fs.mkdirSync(file)],
  ['a pipe without a reader', (file: string) => void execFileSync('sh', ['-c', 'mkfifo "$0"', file])],
])('a log with %s in its place loses lines, and reports how many once it can be written', (_what, occupy) => {
  using here = temporaryLog();
  occupy(here.file);
  here.log.write(line('one'));
  here.log.write(line('two'));
  fs.rmSync(here.file, { recursive: true });
  here.log.write(line('three'));
  const [report = '', ...rest] = here.lines();
  expect(JSON.parse(report)).toMatchObject({ level: 'warn', lost_lines: 2 });
  expect(rest).toEqual([line('three').trim()]);
});

const mayMount = process.platform === 'linux' && spawnSync('unshare', ['--mount', 'true']).status === 0;
test.runIf(mayMount)(
  'on a full disk, lost lines are counted, a log that is too large is truncated, and logging resumes when there is space',
  () => {
    using here = temporaryLog();
    const disk = join(here.file, '../disk');
    fs.mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    try {
      const file = join(disk, 'queen.log');
      const log = new LogFile({ file, maxBytes: 20_000 });
      log.write(line('first'));
      const ballast = join(disk, 'ballast');
      fs.writeFileSync(ballast, Buffer.alloc(60 * 1024));
      expect(() => fs.appendFileSync(ballast, Buffer.alloc(4096))).toThrow('ENOSPC');
      for (const each of numbered(0, 300)) log.write(each);
      expect(fs.readFileSync(file, 'utf8')).not.toContain('line 299"');
      fs.rmSync(ballast);
      log.write(line('there is space again'));
      const lines = here.lines(file);
      expect(lines.at(-1)).toContain('there is space again');
      const { lost_lines, msg } = JSON.parse(lines.at(-2) ?? '') as { lost_lines: number; msg: string };
      expect(msg).toContain('ENOSPC');
      // A line that was written in part counts as lost, and stands on a line of its own.
      expect(lines.filter((text) => text.includes('"line ')).length + lost_lines).toBeLessThanOrEqual(301);
      // Over its size with no space for a copy: it is only truncated.
      fs.writeFileSync(ballast, Buffer.alloc(20 * 1024));
      fs.appendFileSync(file, 'x'.repeat(22_000));
      fs.writeFileSync(ballast, Buffer.alloc(36 * 1024));
      log.write(line('still here'));
      log.close();
      expect(here.lines(file).at(-1)).toBe(line('still here').trim());
      expect(fs.statSync(file).size).toBeLessThan(1_000);
      expect(fs.readdirSync(disk).toSorted()).toEqual(['ballast', 'queen.log']);
    } finally {
      execFileSync('umount', [disk]);
    }
  },
);
