import type { Session } from '../session.ts';
import { localProcesses } from './local-processes.ts';
import { forget, stopHives } from './stop-hives.ts';

/** Stops the hive of this home and its workers. A queen of this home, if there is one, keeps running. */
export async function haltHive({ view }: Session): Promise<number> {
  const stopped: { name: string; pid: number; how: string }[] = [];
  const { running, stale } = await localProcesses();
  const of = (role: 'hive' | 'worker') => running.filter((pidfile) => pidfile.role === role);
  await stopHives(of('hive'), of('worker'), async ({ name, pid }, how) => {
    stopped.push({ name, pid, how });
  });
  await forget([...running, ...stale]);
  const lines = stopped.map(({ name, pid, how }) => `${name} stopped (pid ${pid})${how === 'killed' ? ', by force' : ''}`);
  await view.result({ stopped }, () => (lines.length === 0 ? 'no hive is running' : lines.join('\n')));
  return 0;
}
