import { connect } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { daemonsOf, processesOf } from '../support/daemon-processes.ts';
import type { Fleet } from '../support/built-fleet.ts';

/** Workers and commands that have stopped take a short time to exit. */
const SETTLE_MS = 3_000;
const DOWN_DEADLINE_MS = 60_000;

interface WorkerList {
  workers: { worker_id: string; pid?: number; state: string }[];
}

/** When all is quiet, only what the fleet lists is running: one queen, one hive, and the workers of its list. */
export async function checkWhatRuns(fleet: Fleet): Promise<string[]> {
  await delay(SETTLE_MS);
  const { workers } = await fleet.result<WorkerList>(['worker', 'list']);
  const known = workers.filter(({ state }) => state !== 'exited').map(({ pid }) => pid ?? 0);
  const daemons = [...daemonsOf(fleet.home, 'queen'), ...daemonsOf(fleet.home, 'hive')];
  const strays = processesOf(fleet.home).filter((pid) => ![...known, ...daemons].includes(pid));
  return [
    ...(daemons.length === 2 ? [] : [`not one queen and one hive run, but ${daemons.length}`]),
    ...strays.map((pid) => `process ${pid} runs, and is in no list`),
  ];
}

/** Stops the fleet, and looks for leftover processes and ports. */
export async function checkDown(fleet: Fleet, ports: readonly number[]): Promise<string[]> {
  const down = fleet.start(['down']);
  const late = setTimeout(() => down.child.kill('SIGKILL'), DOWN_DEADLINE_MS);
  const { code, stderr } = await down.ended;
  clearTimeout(late);
  const left = processesOf(fleet.home).map((pid) => `process ${pid} is left after 'rbee down'`);
  const open = await Promise.all(ports.map(async (port) => ((await isOpen(port)) ? [`port ${port} is still listened on`] : [])));
  return [...(code === 0 ? [] : [`'rbee down' ended with ${code}: ${stderr}`]), ...left, ...open.flat()];
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
