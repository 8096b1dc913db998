import { actorOf } from '../../contract/index.ts';
import { homePaths } from '../../daemon/index.ts';
import { localProcesses } from '../commands/local-processes.ts';
import { count } from '../show/units.ts';
import { unwell, well, type Check } from './check.ts';

/** Daemons of this home that run, and those that ended without removing their pidfile. */
export async function checkProcesses(): Promise<Check> {
  const { running, stale } = await localProcesses();
  if (stale.length === 0)
    return well('processes', `${running.length === 0 ? 'no daemon' : count(running.length, 'daemon')} of this home running`);
  const names = stale.map(({ role, name, pid }) => `${name === role ? actorOf[role] : name} (pid ${pid})`).join(', ');
  return unwell('processes', `crashed or killed: ${names}`, `clean up: rbee down. The logs are in ${homePaths().logs}`);
}
