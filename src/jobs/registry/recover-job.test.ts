import { describe, expect, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import type { EventLog, LoggedEvent } from '../log/event-log.ts';
import { openMemoryEventLog } from '../log/memory-event-log.ts';
import type { StoredJob } from './stored-job.ts';
import { recoverJob } from './recover-job.ts';

const record = (overrides: Partial<StoredJob> = {}): StoredJob => ({
  job_id: 'job-1',
  operation: 'infer',
  state: 'running',
  actor: 'queen-rbee',
  correlation_id: 'c',
  created_at: 'now',
  downstream: [],
  ...overrides,
});

const below = { role: 'hive' as const, name: 'attic', job_id: 'job-2' };
const event = (seq: number, kind: LoggedEvent['kind'], belowSeq?: number): LoggedEvent => ({
  seq,
  kind,
  json: '{}',
  ...(belowSeq === undefined ? {} : { below: belowSeq }),
});

function logOf(...events: LoggedEvent[]): EventLog {
  const log = openMemoryEventLog();
  log.append(record(), events);
  return log;
}

describe('recoverJob', () => {
  test('takes an end from the log that the record does not have (J6)', () => {
    expect(recoverJob(record(), logOf(event(1, 'token'), event(2, 'result')))).toMatchObject({ kind: 'ended', last: { seq: 2 } });
  });

  test('interrupts a job that only the previous process was running', () => {
    expect(recoverJob(record(), logOf(event(1, 'narration')))).toEqual({ kind: 'interrupted', lastSeq: 1 });
  });

  test('resumes a relayed job after the last event of the job below (J4)', () => {
    const log = logOf(event(1, 'narration'), event(2, 'token', 7), event(3, 'narration'));
    const left = record({ downstream: [below], driven_after: 1, first_token_at: 'then' });
    expect(recoverJob(left, log)).toEqual({
      kind: 'resumable',
      lastSeq: 3,
      left: { kind: 'relayed', operation: 'infer', below, after: 7, hasToken: true },
    });
  });

  test('a job whose first token is in the log has answered, also where its record was not stored any more', () => {
    const log = logOf(event(1, 'narration'), event(2, 'token', 1), event(3, 'narration', 2));
    expect(recoverJob(record({ downstream: [below] }), log)).toMatchObject({ left: { after: 2, hasToken: true } });
  });

  test('has answered also when only reasoning or a call of a tool is in the log', () => {
    for (const kind of ['reasoning', 'tool_call'] as const) {
      expect(recoverJob(record({ downstream: [below] }), logOf(event(1, kind, 1)))).toMatchObject({ left: { hasToken: true } });
    }
  });

  test('interrupts a job that was at a step before it: the end of a download is not its own', () => {
    const log = logOf(event(1, 'token', 1), event(2, 'progress', 1));
    const left = record({ downstream: [below, { ...below, job_id: 'job-3', operation: 'model_download' }], driven_after: 1 });
    expect(recoverJob(left, log)).toEqual({ kind: 'interrupted', lastSeq: 2 });
  });

  test('resumes a second attempt from its start, whatever events the first one had', () => {
    const log = logOf(event(1, 'narration', 3), event(2, 'narration'));
    const left = record({ downstream: [{ ...below, job_id: 'job-0' }, below], driven_after: 2 });
    expect(recoverJob(left, log)).toMatchObject({ kind: 'resumable', left: { below, after: 0, hasToken: false } });
  });

  test('resumes a request that was waiting for a place, also in a second attempt', () => {
    const left = { kind: 'waiting', operation: 'infer', outline: { model: 'x' } };
    const parked = { parked: { model: 'x' } };
    expect(recoverJob(record(parked), logOf(event(1, 'narration')))).toEqual({ kind: 'resumable', lastSeq: 1, left });
    expect(recoverJob(record({ ...parked, downstream: [below] }), logOf())).toMatchObject({ kind: 'resumable', left });
  });

  test('handles a job without events, a damaged log, and a log of a newer version', () => {
    expect(recoverJob(record({ job_id: 'job-9' }), logOf())).toEqual({ kind: 'interrupted', lastSeq: 0 });
    const throwing = (cause: Error) => Object.assign(openMemoryEventLog(), { recover: () => { throw cause; } }); // prettier-ignore
    expect(recoverJob(record(), throwing(new SyntaxError('half a header')))).toMatchObject({ kind: 'damaged' });
    expect(recoverJob(record(), throwing(new JobError('version_mismatch', 'newer')))).toMatchObject({ kind: 'newer' });
  });
});
