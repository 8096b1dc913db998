import { expect, test } from 'vitest';
import { startTestDaemon } from '../fixtures/test-daemon.ts';
import { impostor, postList } from '../fixtures/test-jobs.ts';
import { runOn } from './run-on.ts';
import type { Trace } from './trace.ts';

const job = {
  ...{ job_id: 'job-1', operation: 'worker_list', state: 'running', actor: 'rbee-hive', correlation_id: 'c' },
  ...{ created_at: '2026-11-21T08:00:00.000Z', downstream: [] },
};
const below = { role: 'worker', name: 'w', job_id: 'job-2' };

/** A trace of so many hops, as text: built without recursion, so that ten thousand are possible. */
function nested(hops: number): string {
  const head = `{"job":${JSON.stringify(job)},"downstream":[${JSON.stringify(below).slice(0, -1)},"trace":`;
  return `${head.repeat(hops)}${JSON.stringify({ job, downstream: [] })}${'}]}'.repeat(hops)}`;
}

test.each([
  ['one more hop', nested(1), undefined],
  [
    'a request that was assigned 200 times',
    JSON.stringify({ job, downstream: Array(200).fill({ ...below, error: { code: 'x', message: '' } }) }),
    undefined,
  ],
  ['thousands of nested hops', nested(4_000), 'hive_bad_response'],
  [
    'more downstream jobs than the limit',
    JSON.stringify({ job, downstream: Array(2_000).fill({ ...below, error: { code: 'x', message: '' } }) }),
    'hive_bad_response',
  ],
  ['foreign JSON', '{"job":7}', 'hive_bad_response'],
])('the trace of a hive with %s is accepted, or reported as a bad response', async (_what, text, code) => {
  await using hive = await impostor((request, response) => {
    if (request.url?.includes('/trace')) response.end(text);
    else if (request.url === '/v1/feed') response.writeHead(200, { 'x-rbee-feed': 'feed-1' }).flushHeaders();
    else response.end('{"job_id":"job-1","followed":true}');
  });
  const handlers = { worker_list: runOn(hive.peer, 'worker_list') };
  await using queen = await startTestDaemon({ role: 'queen', handlers, findPeer: () => hive.peer });
  const jobId = await postList(queen);
  await expect.poll(() => queen.registry.get(jobId).downstream.length).toBe(1);
  const answer = (await (await fetch(`${queen.url}/v1/jobs/${jobId}/trace`)).json()) as Trace;
  const [found] = answer.downstream;
  expect(found !== undefined && 'error' in found ? found.error.code : undefined).toBe(code);
});
