import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Explanation, Health } from '../../src/contract/index.ts';
import { temporaryFolder, type Together } from '../../test/support/ending.ts';
import { startChild, type Child } from '../child.ts';
import type { Way } from '../hops/run.ts';
import { startLone } from '../lone-daemon.ts';
import { askQueen } from '../scale/ask-queen.ts';
import { gatewayKinds, MODEL } from './gateways.ts';

/** A way from a source of tokens to the reader. */
export interface GatewayWay extends Way {
  name: string;
  /** Makes the tokens. */
  source: Child;
  /** The same tokens without anything between. */
  direct: GatewayWay | undefined;
  /** Processes between source and reader, and the first of them that clients reach. */
  between: number[];
}

export interface Ways {
  /** The queen's API, and the same jobs as a stream of the queen's own protocol. */
  chat: GatewayWay;
  jobs: GatewayWay;
  /** Other programs, before a server that speaks OpenAI's chat. */
  peers: GatewayWay[];
  all: GatewayWay[];
  /** Of those that are not installed. */
  missing: string[];
}

export async function startWays(together: Together, { nodeFlags }: { nodeFlags: string[] }): Promise<Ways> {
  const [chat, jobs, worker] = await rbeeWays(together, nodeFlags);
  const upstream = together.add(await startChild('gateway/upstream'));
  const plain = { path: '/v1/chat/completions', model: MODEL, headers: {} };
  const port = await upstream.ask<number>({ kind: 'port' });
  const direct: GatewayWay = { ...sourceOf('direct', upstream), port, chat: plain };
  const peers: GatewayWay[] = [];
  for (const kind of gatewayKinds.filter(({ isInstalled }) => isInstalled)) {
    const { pid, ...gateway } = together.add(await kind.start(direct.port));
    const between = [pid];
    peers.push({ ...gateway, name: kind.name, source: upstream, direct, between, pids: [upstream.pid, ...between] });
  }
  const missing = gatewayKinds.filter(({ isInstalled }) => !isInstalled);
  return {
    chat,
    jobs,
    peers,
    all: [worker, direct, chat, jobs, ...peers],
    missing: missing.map(({ name, install }) => `${name} is not installed, and skipped: ${install}`),
  };
}

/** A queen as it is built, and a hive and a worker that do nothing but forward and generate on a schedule. */
async function rbeeWays(together: Together, nodeFlags: string[]): Promise<[GatewayWay, GatewayWay, GatewayWay]> {
  const worker = together.add(await startChild('hops/worker'));
  const direct: GatewayWay = { ...sourceOf('worker', worker), port: await worker.ask<number>({ kind: 'port' }) };
  const home = together.add(await temporaryFolder());
  const queen = together.add(await startLone('queen', home.path, nodeFlags));
  const { version } = (await (await fetch(`http://127.0.0.1:${queen.port}/health`)).json()) as Health;
  const folder = together.add(await temporaryFolder());
  const args = [String(direct.port), folder.path, version];
  const hive = together.add(await startChild('gateway/hive', { args }));
  const hivePort = await hive.ask<number>({});
  await askQueen(queen.port, { operation: 'hive_create', hive_id: 'hive-0', host: '127.0.0.1', port: hivePort });
  await placeable(queen.port);
  const between = [queen.pid, hive.pid];
  const way = { source: worker, direct, between, pids: [worker.pid, ...between], port: queen.port };
  const jobs: GatewayWay = { ...way, name: 'rbee, job stream', fields: { model: MODEL } };
  const chat = { path: '/v1/chat/completions', model: MODEL, headers: {} };
  return [{ ...way, name: 'rbee', chat }, jobs, direct];
}

/** Resolves when the queen would send a request to the worker. */
async function placeable(port: number): Promise<void> {
  const deadline = Date.now() + PLACEABLE_DEADLINE_MS;
  for (;;) {
    const { output } = await askQueen<Explanation>(port, { operation: 'explain', prompt: 'Hi', model: MODEL });
    if (output.decision === 'worker') return;
    assert(Date.now() < deadline, output.says);
    await delay(POLL_MS);
  }
}

const PLACEABLE_DEADLINE_MS = 30_000;
const POLL_MS = 50;

function sourceOf(name: string, source: Child): Omit<GatewayWay, 'port'> {
  return { name, source, direct: undefined, between: [], pids: [source.pid] };
}
