import { expect, test } from 'vitest';
import type { InputOf, JobContext } from '../../contract/index.ts';
import { context as jobContext } from '../../jobs/fixtures/test-jobs.ts';
import { HeldRequest } from './held-request.ts';

const asked: InputOf<'infer'> = { model: 'bee', prompt: 'hello', temperature: 0, stream: true, continue_elsewhere: false };

/** A request, and what is on the disk of it. */
function held() {
  const disk: { parked: object | undefined } = { parked: undefined };
  const own: Partial<JobContext> = {
    keepUntilForwarded: (input) => {
      disk.parked = input;
      return true;
    },
    keptRequest: () => disk.parked,
  };
  return { disk, request: HeldRequest.of('infer', asked, jobContext(own)) };
}

test('a waiting request is only on disk, and is read from there when it is sent', () => {
  const { disk, request } = held();
  request.park();
  expect(disk.parked).toEqual(asked);
  disk.parked = { ...asked, prompt: 'from the disk' };
  expect((request.input as { prompt?: string }).prompt).toBe('from the disk');
});

test('a request that was on disk on its way to a hive can be sent again after the hive accepted it and failed', () => {
  const { disk, request } = held();
  request.park();
  expect(request.input).toEqual(asked);
  request.keepOnDisk();
  disk.parked = undefined;
  expect([request.isGone, request.input]).toEqual([false, asked]);
});

test('a request is on disk again after a step that deleted it there', () => {
  const { disk, request } = held();
  request.park();
  request.keepThrough(() => void (disk.parked = undefined));
  expect(disk.parked).toEqual(asked);
  expect(request.input).toEqual(asked);
});

test('a request that is missing on disk is gone, and fails with interrupted', () => {
  const { disk, request } = held();
  request.park();
  disk.parked = undefined;
  expect(request.isGone).toBe(true);
  expect(() => request.input).toThrow(expect.objectContaining({ code: 'interrupted' }) as Error);
});
