import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { START, type EventLog, type JobHeader, type LoggedEvent } from './event-log.ts';
import { openFileEventLog } from './file-event-log.ts';
import { openMemoryEventLog } from './memory-event-log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rbee-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const header = (job_id: string): JobHeader => ({
  job_id,
  operation: 'infer',
  correlation_id: 'c',
  created_at: 'now',
});

function readAll(log: EventLog, jobId: string): LoggedEvent[] {
  const events: LoggedEvent[] = [];
  for (let cursor = START; ;) {
    const chunk = log.read(jobId, cursor);
    if (chunk.events.length === 0) return events;
    events.push(...chunk.events);
    cursor = chunk.cursor;
  }
}

const anyEvent = fc.record({
  kind: fc.constantFrom('token' as const, 'narration' as const, 'progress' as const),
  json: fc.string({ unit: 'binary', maxLength: 200 }).map((text) => JSON.stringify({ text })),
  below: fc.option(fc.nat(), { nil: undefined }),
});

function numbered(
  events: readonly { kind: LoggedEvent['kind']; json: string; below: number | undefined }[],
  from = 1,
): LoggedEvent[] {
  return events.map(({ kind, json, below }, index) => ({
    seq: from + index,
    kind,
    json,
    ...(below === undefined ? {} : { below }),
  }));
}

describe.each([
  ['a file a job', () => openFileEventLog(directory)],
  ['memory', () => openMemoryEventLog()],
])('an event log in %s', (_name, open) => {
  test('finds the last event, and the last relayed seq, in a log of any length', () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { minLength: 1, maxLength: 60 }),
        fc.nat({ max: 60 }),
        fc.boolean(),
        (events, after, isLong) => {
          const log = open();
          const jobId = `job-${randomUUID()}`;
          const all = numbered(isLong ? Array.from({ length: 40 }, () => events).flat() : events);
          log.append(header(jobId), all);
          expect(log.recover(jobId)?.last).toEqual(all.at(-1));
          const relayed = all.findLast(({ seq, below }) => seq > after && below !== undefined);
          expect(log.lastRelayed(jobId, after)).toBe(relayed?.below ?? 0);
          log.close();
        },
      ),
      { numRuns: 50 },
    );
  });

  test('returns the appended events in order, from any cursor on', () => {
    let jobs = 0;
    fc.assert(
      fc.property(fc.array(fc.array(anyEvent, { minLength: 1, maxLength: 20 }), { maxLength: 10 }), (batches) => {
        const log = open();
        const jobId = `job-${(jobs += 1)}`;
        const all: LoggedEvent[] = [];
        for (const batch of batches) {
          const events = numbered(batch, all.length + 1);
          const end = log.append(header(jobId), events);
          all.push(...events);
          expect(log.read(jobId, end).events).toEqual([]);
        }
        expect(readAll(log, jobId)).toEqual(all);
        expect(log.recover(jobId)?.last).toEqual(all.at(-1));
        log.close();
      }),
      { numRuns: 60 },
    );
  });

  test('finds the place of a reader that reconnects', () => {
    const log = open();
    const all = numbered(
      Array.from({ length: 300 }, (_, n) => ({ kind: 'token', json: `{"text":"${'é'.repeat(n)}"}`, below: n })),
    );
    log.append(header('job-a'), all);
    for (const after of [0, 1, 150, 299, 300]) {
      expect(log.read('job-a', log.seek('job-a', after)).events[0]?.seq).toBe(after < 300 ? after + 1 : undefined);
    }
    log.close();
  });

  test('can be read from the cursor that an append returned', () => {
    const log = open();
    const cursor = log.append(header('job-a'), numbered([{ kind: 'token', json: '{"text":"a"}', below: 7 }]));
    log.append(header('job-a'), numbered([{ kind: 'token', json: '{"text":"b"}', below: undefined }], 2));
    expect(log.read('job-a', cursor).events).toEqual([{ seq: 2, kind: 'token', json: '{"text":"b"}' }]);
    log.close();
  });

  test('has no events of an unknown or deleted job', () => {
    const log = open();
    log.append(header('job-a'), numbered([{ kind: 'token', json: '{}', below: undefined }]));
    log.delete('job-a');
    expect(readAll(log, 'job-a')).toEqual([]);
    expect(log.recover('job-a')).toBeUndefined();
    expect(readAll(log, 'job-b')).toEqual([]);
    log.close();
  });
});

describe('the files of the event log', () => {
  test('a half-written last line is cut off, and the events before it stay', () => {
    const log = openFileEventLog(directory);
    log.append(header('job-a'), numbered([{ kind: 'token', json: '{"text":"whole"}', below: undefined }]));
    log.close();
    appendFileSync(join(directory, 'job-a.ndjson'), '{"seq":2,"event":"token","da');

    const again = openFileEventLog(directory);
    expect(again.recover('job-a')?.last).toMatchObject({ seq: 1 });
    again.append(header('job-a'), numbered([{ kind: 'result', json: '{}', below: undefined }], 2));
    expect(readAll(again, 'job-a').map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'token'],
      [2, 'result'],
    ]);
    again.close();
  });

  test('a log with half a first line is started again', () => {
    writeFileSync(join(directory, 'job-a.ndjson'), '{"rbee_job_log":1,"jo');
    const log = openFileEventLog(directory);
    expect(log.recover('job-a')).toBeUndefined();
    log.append(header('job-a'), numbered([{ kind: 'failed', json: '{}', below: undefined }]));
    expect(log.recover('job-a')).toMatchObject({ header: header('job-a'), last: { seq: 1 } });
    log.close();
  });

  test('a log of a newer version is refused, and left unchanged', () => {
    const newer = '{"rbee_job_log":2,"job_id":"job-a"}\nwhatever that version writes';
    writeFileSync(join(directory, 'job-a.ndjson'), newer);
    expect(() => openFileEventLog(directory).recover('job-a')).toThrow(/newer rbee/);
    expect(readFileSync(join(directory, 'job-a.ndjson'), 'utf8')).toBe(newer);
  });

  test('a header and events larger than one read are read completely', () => {
    const log = openFileEventLog(directory);
    const large = 'x'.repeat(300_000);
    log.append(
      { ...header('job-a'), operation: large },
      numbered([{ kind: 'token', json: JSON.stringify({ text: large }), below: undefined }]),
    );
    log.close();
    expect(readAll(openFileEventLog(directory), 'job-a')[0]?.json.length).toBeGreaterThan(300_000);
  });

  test('an event larger than one read is the same from memory and from its file, until it is deleted', () => {
    const log = openFileEventLog(directory);
    const result = { seq: 2, kind: 'result' as const, json: JSON.stringify({ text: 'x'.repeat(300_000) }) };
    log.append(header('job-a'), numbered([{ kind: 'token', json: '{}', below: undefined }]));
    log.append(header('job-a'), [result]);
    for (const each of [log, openFileEventLog(directory)]) {
      expect(readAll(each, 'job-a')).toEqual([{ seq: 1, kind: 'token', json: '{}' }, result]);
      expect(each.recover('job-a')).toEqual({ header: header('job-a'), last: result });
    }
    log.delete('job-a');
    expect(readAll(log, 'job-a')).toEqual([]);
    expect(log.recover('job-a')).toBeUndefined();
    log.close();
  });

  test.each([0, 1])(
    'an event of megabytes is written in pieces, none of which ends within a character (shifted by %d)',
    (shift) => {
      const log = openFileEventLog(directory);
      const json = JSON.stringify({ text: `${'x'.repeat(shift)}${'\u{1F41D}'.repeat(400_000)}\u00e9` });
      const events = numbered(['{}', json, '{}'].map((each) => ({ kind: 'token', json: each, below: 7 })));
      log.append(header('job-a'), events);
      log.close();
      const whole = readAll(openFileEventLog(directory), 'job-a');
      expect(whole.map((event) => event.json === events[event.seq - 1]?.json)).toEqual([true, true, true]);
    },
  );

  test('every line of a log file is JSON', () => {
    const log = openFileEventLog(directory);
    log.append(header('job-a'), numbered([{ kind: 'token', json: '{"text":"\\n"}', below: 3 }]));
    log.close();
    const lines = readFileSync(join(directory, 'job-a.ndjson'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { rbee_job_log: 1, ...header('job-a') },
      { seq: 1, below: 3, event: 'token', data: { text: '\n' } },
    ]);
    expect(readdirSync(directory)).toEqual(['job-a.ndjson']);
  });

  test('more jobs can be logged at once than files may be open', () => {
    const log = openFileEventLog(directory);
    const ids = Array.from({ length: 2_100 }, (_, index) => `job-${index}`);
    for (const id of ids) log.append(header(id), numbered([{ kind: 'token', json: '{}', below: undefined }]));
    for (const id of ids) expect(readAll(log, id)).toHaveLength(1);
    log.close();
  });
});
