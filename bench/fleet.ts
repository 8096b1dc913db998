import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { entry } from './command.ts';
import { atTheEnd, temporaryFolder } from './ending.ts';
import { freePort } from './free-port.ts';

const COMMAND_DEADLINE_MS = 60_000;
/** A worker that is frozen keeps its port, and its successor takes the next. */
const SPARE_PORTS = 8;

/** Queen and hive as they are built, in a home of their own. */
export interface Fleet extends AsyncDisposable {
  home: string;
  /** What every process of the fleet has in its environment. */
  env: Record<string, string | undefined>;
  queenPort: number;
  hivePort: number;
  /** Runs a command of the command line, and returns the output of its operation. */
  result<T>(args: string[]): T;
}

/** @param own what its processes have in their environment beside the usual */
export async function startFleet(own: Record<string, string> = {}): Promise<Fleet> {
  assert(existsSync(entry), 'the fleet is started as it is built: npm run build');
  const home = await temporaryFolder();
  const [queenPort, hivePort, workerPort] = [await freePort(), await freePort(), await freePort()];
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('RBEE_') && name !== 'NODE_OPTIONS');
  const env = {
    ...Object.fromEntries(kept),
    RBEE_HOME: home.path,
    RBEE_QUEEN_PORT: String(queenPort),
    RBEE_HIVE_PORT: String(hivePort),
    RBEE_WORKER_PORTS: `${workerPort}-${workerPort + SPARE_PORTS}`,
    ...own,
  };
  const rbee = (args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
      env,
      encoding: 'utf8',
      timeout: COMMAND_DEADLINE_MS,
    });
    assert.equal(status, 0, `rbee ${args.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  };
  const forget = atTheEnd(() => rbee(['down']));
  const fleet: Fleet = {
    home: home.path,
    env,
    queenPort,
    hivePort,
    result<T>(args: string[]): T {
      const last =
        rbee([...args, '--json'])
          .trimEnd()
          .split('\n')
          .at(-1) ?? '';
      return (JSON.parse(last) as { data: T }).data;
    },
    async [Symbol.asyncDispose]() {
      rbee(['down']);
      forget();
      await home[Symbol.asyncDispose]();
    },
  };
  // The first command wakes the queen, and the queen the hive.
  fleet.result(['worker', 'list']);
  return fleet;
}
