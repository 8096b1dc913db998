import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processesOf, processesWith } from './daemon-processes.ts';

const entry = fileURLToPath(new URL('../../dist/rbee.js', import.meta.url));

/** A request that runs to the end of the context, about two seconds: the schema asks for more than fits. */
export const ENDLESS = [
  'infer',
  'Count',
  '--seed',
  '1',
  '--json-schema',
  '{"type":"array","items":{"type":"boolean"},"minItems":600}',
];

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** Resolves once stdout, or stderr, has matched. */
  says(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<void>;
  ended: Promise<Outcome>;
}

/** A fleet of its own: a home in a temporary folder, ports of its own, real processes. */
export interface Swarm extends AsyncDisposable {
  home: string;
  env: Record<string, string>;
  queenUrl: string;
  hiveUrl: string;
  /** The program that runs; another one when this fleet gets another version. */
  entry: string;
  /** Runs the command to its end. */
  rbee(args: string[], options?: { input?: string }): Promise<Outcome>;
  start(args: string[], options?: { input?: string }): Running;
  /** Output of an operation, through the command line. */
  result<T = Record<string, unknown>>(args: string[]): Promise<T>;
}

export interface SwarmOptions {
  /** The program, instead of the build of this tree. */
  entry?: string;
  env?: Record<string, string>;
  home?: string;
  /** Put before every command, such as `through` of testHosts. */
  through?: readonly string[];
}

/** With the kits of all tests, which packs only who comes first. */
async function newHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'rbee-swarm-'));
  const kits = process.env['TEST_KITS'];
  if (kits !== undefined) await symlink(kits, join(home, 'cache'));
  return home;
}

export async function testSwarm(options: SwarmOptions = {}): Promise<Swarm> {
  const home = options.home ?? (await newHome());
  const [queen, hive, worker] = await freePorts(3);
  const env = {
    ...withoutRbee(process.env),
    RBEE_HOME: home,
    RBEE_QUEEN_PORT: String(queen),
    RBEE_HIVE_PORT: String(hive),
    RBEE_WORKER_PORTS: String(worker),
    NO_COLOR: '1',
    ...options.env,
  };
  const start: Swarm['start'] = (args, { input } = {}) =>
    run([...(options.through ?? []), process.execPath, swarm.entry, ...args], env, input);
  const rbee: Swarm['rbee'] = (args, runOptions) => start(args, runOptions).ended;
  const swarm: Swarm = {
    home,
    entry: options.entry ?? entry,
    env,
    queenUrl: `http://127.0.0.1:${queen}`,
    hiveUrl: `http://127.0.0.1:${hive}`,
    rbee,
    start,
    async result<T>(args: string[]): Promise<T> {
      const { code, stdout, stderr } = await rbee([...args, '--json']);
      assert.equal(code, 0, `rbee ${args.join(' ')}: ${stderr}${stdout}`);
      const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { data: T };
      return last.data;
    },
    async [Symbol.asyncDispose]() {
      const down = await rbee(['down']);
      const left = [...leftovers(home), ...sharedConnections(home)].map((pid) => ({ pid, command: commandOf(pid) }));
      for (const { pid } of left) killIfAlive(pid);
      if (options.home === undefined) await rm(home, { recursive: true, force: true });
      const isClean = down.code === 0 && left.length === 0;
      assert(isClean, `rbee down exited with ${down.code} and left ${JSON.stringify(left)}: ${down.stdout}${down.stderr}`);
    },
  };
  return swarm;
}

function run([program = '', ...args]: string[], env: Record<string, string>, input: string | undefined): Running {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined).end(input ?? '');
  const said = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, 'close').then(([code]: (number | null)[]) => ({ code: code ?? null, ...said }));
  return {
    child,
    ended,
    says: (stream, pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(said[stream])) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without saying ${String(pattern)}: ${said.stdout}${said.stderr}`)));
      }),
  };
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Processes of the fleet that still run. Linux only, like the tests that need it. */
export function leftovers(home: string): number[] {
  return processesOf(home);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return 'exited since';
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** ssh writes the name of its socket over its environment when it goes into the background. */
function sharedConnections(home: string): number[] {
  return processesWith('cmdline', ([title = '']) => title.startsWith(`ssh: ${home}/`));
}

/**
 * The environment of a fleet's processes. Node reads NODE_EXTRA_CA_CERTS at every start, which can take longer than the rest of the start;
 * of all that a fleet starts, only npm needs these certificates, and it has a setting of its own for them.
 */
function withoutRbee(env: NodeJS.ProcessEnv): Record<string, string> {
  const isKept = (name: string) =>
    !['FORCE_COLOR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'].includes(name) && !/^(RBEE_|VITEST)/.test(name);
  const kept = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && isKept(entry[0]));
  const certificates = env['NODE_EXTRA_CA_CERTS'];
  return { ...Object.fromEntries(kept), ...(certificates === undefined ? {} : { npm_config_cafile: certificates }) };
}
