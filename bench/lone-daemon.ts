import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atTheEnd, temporaryFolder } from '../test/support/ending.ts';
import { entry } from '../test/support/built-fleet.ts';
import { freePorts } from '../test/support/swarm.ts';
import { median } from './statistics.ts';

export const tinyModel = join(dirname(dirname(entry)), 'models', 'rbee-tiny-Q8_0.gguf');

const POLL_MS = 4;
const START_DEADLINE_MS = 60_000;

/** A single daemon without callers, in a home of its own. */
export interface LoneDaemon extends AsyncDisposable {
  port: number;
  pid: number;
}

/** Resolves with the first 200 on its /health. */
export async function startLone(role: 'queen' | 'hive', home: string, nodeFlags: string[] = []): Promise<LoneDaemon> {
  const [port = 0, hivePort] = await freePorts(2);
  // A queen probes the hive of its machine: not the one of another fleet.
  const own = { RBEE_HOME: home, RBEE_HIVE_PORT: String(hivePort) };
  const daemon = run([role, 'run', '--port', String(port)], own, nodeFlags);
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await isHealthy(port))) {
    if (Date.now() > deadline) throw new Error(`the ${role} did not start`);
    await delay(POLL_MS);
  }
  return { ...daemon, port };
}

export interface LoneWorkerOptions {
  home: string;
  modelPath: string;
  slots: number;
}

/** Resolves when the worker reports that its model is loaded. */
export async function startLoneWorker({ home, modelPath, slots }: LoneWorkerOptions): Promise<LoneDaemon> {
  const [port = 0] = await freePorts(1);
  const args = ['--id', 'worker-bench', '--hive-id', 'bench', '--model', 'bench', '--model-path', modelPath];
  const daemon = run(['worker', 'run', ...args, '--slots', String(slots)], { RBEE_HOME: home, RBEE_WORKER_PORTS: String(port) });
  const signal = AbortSignal.timeout(START_DEADLINE_MS);
  for (;;) {
    const [message] = (await once(daemon.child, 'message', { signal })) as [{ kind: string; port: number }];
    if (message.kind === 'ready') return { ...daemon, port: message.port };
    if (message.kind === 'failed') throw new Error(`the worker did not start: ${JSON.stringify(message)}`);
  }
}

/** Median time from its spawn until it is ready, in a home whose files already exist. */
export async function startTimeMs(start: (home: string) => Promise<LoneDaemon>, runs: number): Promise<number> {
  await using home = await temporaryFolder();
  const times: number[] = [];
  for (let run = 0; run <= runs; run += 1) {
    const from = performance.now();
    await using _daemon = await start(home.path);
    times.push(performance.now() - from);
  }
  return median(times.slice(1));
}

function run(
  args: string[],
  own: Record<string, string>,
  nodeFlags: string[] = [],
): Omit<LoneDaemon, 'port'> & { child: ChildProcess } {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('RBEE_') && name !== 'NODE_OPTIONS');
  const env = { ...Object.fromEntries(others), ...own };
  const child = spawn(process.execPath, [...nodeFlags, entry, ...args], { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  // A profile is written only at a normal exit.
  const end = () => child.kill(nodeFlags.length > 0 ? 'SIGTERM' : 'SIGKILL');
  const forget = atTheEnd(end);
  const ended = once(child, 'exit').then(forget);
  return {
    child,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      end();
      await ended;
    },
  };
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { headers: { connection: 'close' } });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false; // Not bound yet.
  }
}
