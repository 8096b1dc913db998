import type { RequestListener } from 'node:http';
import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Run } from '../../contract/index.ts';
import { cuttingNetwork } from '../fixtures/cutting-network.ts';
import { startTestDaemon } from '../fixtures/test-daemon.ts';
import { impostor, postList, readAll, token } from '../fixtures/test-jobs.ts';

/** Emits `count` tokens, a few at a time. */
function slowly(count: number): Run<'worker_list'> {
  return async function* () {
    for (let n = 1; n <= count; n += 1) {
      yield token(`${n} `);
      if (n % 10 === 0) await nextTick();
    }
    return { workers: [] };
  };
}

test('a stream that is cut repeatedly is resumed each time: no event is lost, and none comes twice', async () => {
  await using daemon = await startTestDaemon({ handlers: { worker_list: slowly(200) } });
  await using network = await cuttingNetwork(daemon.peer, 2_500);
  const jobId = await postList(daemon);
  const events = await readAll(network.peer, jobId);
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 201 }, (_, n) => n + 1));
  expect(events.at(-1)).toEqual({ seq: 201, kind: 'result', json: '{"workers":[]}' });
  expect(network.connections()).toBeGreaterThan(3);
});

/** A hive whose stream of every job is this text. */
const streaming =
  (text: string): RequestListener =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);

test.each<[string, RequestListener, RegExp]>([
  ['a page for a stream', (_request, response) => response.end('<html>'), /not a stream/],
  ['events without ids', streaming('event: token\ndata: {"text":"x"}\n\n'), /malformed event/],
  ['events of unknown kinds', streaming('id: 1\nevent: surprise\ndata: {}\n\n'), /malformed event/],
  ['data that breaks the framing', streaming('id: 1\nevent: token\ndata: {"text":\ndata: "x"}\n\n'), /malformed event/],
  ['data that is not JSON', streaming('id: 1\nevent: token\ndata: {oops\n\n'), /malformed event/],
  ['a gap', streaming('id: 2\nevent: token\ndata: {"text":"x"}\n\n'), /jumped from 0 to 2/],
  ['a failure that is not an object', streaming('id: 1\nevent: failed\ndata: [1]\n\n'), /malformed event/],
])('a hive that streams %s is a bad response', async (_what, listener, message) => {
  await using hive = await impostor(listener);
  await expect(readAll(hive.peer, 'job-1')).rejects.toMatchObject({
    code: 'hive_bad_response',
    message: expect.stringMatching(message) as string,
  });
});
