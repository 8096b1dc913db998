import { expect, onTestFinished, test } from 'vitest';
import { fleetLine, type FleetLine } from '../src/contract/index.ts';
import { testSwarm } from './support/swarm.ts';
import { until } from './support/until.ts';

/** Reads GET /v1/presence of the queen until the connection ends. */
async function subscribe(queenUrl: string) {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(`${queenUrl}/v1/presence`, { signal: abort.signal });
  const lines: FleetLine[] = [];
  let rest = '';
  const read = async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const texts = `${rest}${chunk}`.split('\n');
      rest = texts.pop() ?? '';
      lines.push(...texts.filter((text) => text !== 'ping').map((text) => fleetLine.parse(JSON.parse(text))));
    }
  };
  return { lines, ended: read().catch(() => undefined) };
}

const states = (lines: readonly FleetLine[]) => lines.flatMap((line) => (line.kind === 'hive_state' ? line.state : []));

test('the queen streams its fleet, a hive that is stopped and started, and all of it again after a restart of the queen', async () => {
  await using swarm = await testSwarm();
  const { worker_id } = await swarm.result<{ worker_id: string }>(['infer', 'Hi', '--max-tokens', '1']);

  const first = await subscribe(swarm.queenUrl);
  await until(() => first.lines.some(({ kind }) => kind === 'complete'));
  const whole = first.lines.slice(
    0,
    first.lines.findIndex(({ kind }) => kind === 'complete'),
  );
  expect(whole.map(({ kind }) => kind)).toEqual(['hive_state', 'hive', 'worker']);
  expect(whole[0]).toMatchObject({ hive_id: 'localhost', state: 'running' });
  expect(whole[1]).toMatchObject({ hive_id: 'localhost', devices: expect.arrayContaining([]) as unknown[] });
  expect(whole[2]).toMatchObject({ worker: { worker_id, hive_id: 'localhost', state: expect.any(String) as string } });

  await swarm.result(['hive', 'stop']);
  await until(() => states(first.lines).at(-1) === 'stopped');
  expect(first.lines.findLast(({ kind }) => kind === 'hive_state')).toMatchObject({
    reason: 'it is stopped. Start it: rbee hive start localhost',
  });
  const before = first.lines.length;
  await swarm.result(['hive', 'start']);
  await until(() => states(first.lines).at(-1) === 'running');
  await until(() => first.lines.slice(before).some(({ kind }) => kind === 'hive'));

  const { pid } = (await (await fetch(`${swarm.queenUrl}/health`)).json()) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await first.ended;
  await swarm.result(['infer', 'Hi', '--max-tokens', '1']);
  const second = await subscribe(swarm.queenUrl);
  await until(() => states(second.lines).at(-1) === 'running');
  expect(second.lines[0]).toMatchObject({ kind: 'hive_state', hive_id: 'localhost' });
});
