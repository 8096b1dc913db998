import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENDLESS, testSwarm, type Swarm } from './support/swarm.ts';

interface Job {
  job_id: string;
  state: string;
  error?: { code: string; message: string };
}

const inferJobs = async (url: string): Promise<Job[]> =>
  ((await (await fetch(`${url}/v1/jobs?operation=infer`)).json()) as { jobs: Job[] }).jobs;

const logOf = (swarm: Swarm, jobId: string) => join(swarm.home, 'data', 'jobs', 'queen', `${jobId}.ndjson`);

/** Lets one fleet have the other's hive, with a worker on it, as 'attic'. @returns its pid */
async function lend(elsewhere: Swarm, swarm: Swarm): Promise<number> {
  await elsewhere.result(['worker', 'spawn']);
  const { pid } = await elsewhere.result<{ pid: number }>(['hive', 'status']);
  await swarm.result(['hive', 'create', 'attic', '--host', '127.0.0.1', '--port', elsewhere.env['RBEE_HIVE_PORT'] ?? '']);
  return pid;
}

test('a hive elsewhere that freezes is given up after its deadline, and what it says when it thaws changes nothing', async () => {
  await using swarm = await testSwarm();
  await using elsewhere = await testSwarm();
  const pid = await lend(elsewhere, swarm);

  const running = swarm.start([...ENDLESS, '--hive-id', 'attic']);
  await running.says('stdout', /.{20}/s);
  process.kill(pid, 'SIGSTOP');
  await running.says('stderr', /hive 'attic' has sent no heartbeat for 4 s; waiting up to 26 s/);
  await running.says('stderr', /hive 'attic' is unreachable \(no sign of life for 8 s\); waiting up to 22 s/);
  // Another hive is not slowed down by it.
  expect((await swarm.rbee(['infer', 'hello', '-q'])).code).toBe(0);
  const { code, stderr } = await running.ended;
  expect([code, stderr]).toEqual([
    4,
    expect.stringMatching(/Error: Hive 'attic' was unreachable for 30 s: no sign of life for 8 s/),
  ]);

  const failed = (await inferJobs(swarm.queenUrl)).find(({ state }) => state === 'failed');
  expect(failed?.error).toMatchObject({ code: 'hive_unreachable' });
  const log = readFileSync(logOf(swarm, failed?.job_id ?? ''), 'utf8');
  process.kill(pid, 'SIGCONT');
  await expect
    .poll(async () => (await inferJobs(elsewhere.hiveUrl)).map(({ state }) => state))
    .toEqual([expect.stringMatching(/cancelled|completed/)]);
  expect(readFileSync(logOf(swarm, failed?.job_id ?? ''), 'utf8')).toBe(log);
  expect((await swarm.rbee(['infer', 'hello', '-q', '--hive-id', 'attic'])).code).toBe(0);
});

test('a request that was given up before a frozen hive could take it is not answered to nobody when it thaws', async () => {
  await using swarm = await testSwarm();
  await using elsewhere = await testSwarm();
  const pid = await lend(elsewhere, swarm);
  const attic = ['--hive-id', 'attic'];
  // The connection for events is there from then on.
  expect((await swarm.rbee(['infer', 'hello', '-q', ...attic])).code).toBe(0);
  process.kill(pid, 'SIGSTOP');
  const refused = await swarm.rbee([...ENDLESS, ...attic]);
  // Both the request and the connection for events have 8 s, and either may be over first.
  expect(refused.stderr).toMatch(
    /Error: (Failed to connect to hive: no answer within 8 s|Hive 'attic' was unreachable for 30 s: no sign of life for 8 s)/,
  );
  process.kill(pid, 'SIGCONT');
  // It finds the request when it thaws: that was on its way.
  await expect.poll(async () => (await inferJobs(elsewhere.hiveUrl)).length).toBe(2);
  await expect
    .poll(async () => (await inferJobs(elsewhere.hiveUrl)).map(({ state }) => state))
    .toEqual(['cancelled', 'completed']);
  expect((await swarm.rbee(['infer', 'hello', '-q', ...attic])).code).toBe(0);
});

test('a log of a newer version is refused with a sentence, and left as it is', async () => {
  await using swarm = await testSwarm();
  expect((await swarm.rbee(['infer', 'hello', '-q'])).code).toBe(0);
  const [job] = await inferJobs(swarm.queenUrl);
  const file = logOf(swarm, job?.job_id ?? '');
  const newer = readFileSync(file, 'utf8').replace('"rbee_job_log":1', '"rbee_job_log":2');
  writeFileSync(file, newer);
  const { code, stderr } = await swarm.rbee(['logs', job?.job_id ?? '', '-q']);
  expect(stderr).toMatch(/^Error: .*was written by a newer rbee \(log format 2; this one reads 1\)/);
  expect(code).toBe(4);
  expect(readFileSync(file, 'utf8')).toBe(newer);
});
