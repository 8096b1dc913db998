import { execFile, type ExecFileException } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { JobRecord } from '../../src/contract/index.ts';
import { testSwarm, type Outcome, type Swarm } from '../support/swarm.ts';

/** What scripts/programs.mjs has installed. */
const folder = process.env['TEST_PROGRAMS'];

/** Prompts of agents are long, and are computed on the CPU. */
export const PROGRAM_TIMEOUT_MS = 1_800_000;

export type ModelName = 'smollm2' | 'gemma3';

/** One sentence about what is missing; undefined where program and model can run. */
export function whyNot(name: string, model: ModelName): string | undefined {
  if (folder === undefined) return 'TEST_PROGRAMS names no folder (see CONTRIBUTING.md)';
  const missing = [join(name), join('models', `${model}.gguf`)].find((path) => !existsSync(join(folder, path)));
  return missing === undefined ? undefined : `${missing} is not in ${folder} (node scripts/programs.mjs ${folder} installs it)`;
}

/** A fleet with one worker, which has this model. */
export async function fleetWith(model: ModelName, contextTokens: number): Promise<Swarm> {
  const swarm = await testSwarm();
  await swarm.result(['model', 'download', join(folder ?? '', 'models', `${model}.gguf`), '--name', model]);
  await swarm.result(['worker', 'spawn', '--model', model, '--context', String(contextTokens)]);
  return swarm;
}

export interface Program extends AsyncDisposable {
  /** The home of its user, with what `rbee connect` says in the places that it names. */
  home: string;
  /** An empty folder, in which it runs. */
  work: string;
  /** What `rbee connect` prints for a shell. */
  commands: string;
  /** Runs a command line to its end: by the shell, after what `rbee connect` prints for one, in an environment that has nothing else of this process's. */
  run(commandLine: string, env?: Readonly<Record<string, string>>): Promise<Outcome>;
}

/**
 * @param name as in `rbee connect NAME`, and of the folder that has the program
 */
export async function connectedProgram(swarm: Swarm, name: string, model: ModelName): Promise<Program> {
  const { settings } = await swarm.result<{ settings: { place: string; text: string }[] }>(['connect', name, '--model', model]);
  const root = await mkdtemp(join(tmpdir(), 'rbee-program-'));
  const [home, work] = [join(root, 'home'), join(root, 'work')];
  for (const path of [home, work]) await mkdir(path);
  for (const { place, text } of settings) {
    const file = /^~\/([^\s;,]+)/.exec(place)?.[1];
    if (file === undefined) continue;
    await mkdir(dirname(join(home, file)), { recursive: true });
    await writeFile(join(home, file), text);
  }
  const commands = settings
    .filter(({ place }) => /^In (?:a|the) shell/.test(place))
    .map(({ text }) => text)
    .join('\n');
  const paths = [join(folder ?? '', name, 'node_modules', '.bin'), join(folder ?? '', name, 'bin'), process.env['PATH']];
  const clean = { PATH: paths.join(delimiter), HOME: home, LANG: 'C.UTF-8', TERM: 'dumb' };
  return {
    home,
    work,
    commands,
    run: (commandLine, env) => shell(`${commands}\n${commandLine}`, { cwd: work, env: { ...clean, ...env } }),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/** Runs a script of libraries/ to its end, with the Python or the commands of the program. */
export async function runScript(name: string, script: string, own: Record<string, string>): Promise<Outcome> {
  const work = await mkdtemp(join(tmpdir(), 'rbee-program-'));
  const bin = join(folder ?? '', name, 'bin');
  const file = join(import.meta.dirname, 'libraries', script);
  // -I: a script does not import itself, though it has the name of a package.
  const command = script.endsWith('.py') ? `python3 -I ${file}` : `sh ${file}`;
  try {
    const env = { PATH: [bin, process.env['PATH']].join(delimiter), HOME: work, LANG: 'C.UTF-8', ...own };
    return await shell(command, { cwd: work, env });
  } finally {
    await rm(work, { recursive: true, maxRetries: 5, retryDelay: 100 });
  }
}

function shell(script: string, options: { cwd: string; env: Record<string, string> }): Promise<Outcome> {
  return new Promise((resolve) => {
    const ended = (error: ExecFileException | null, stdout: string, stderr: string) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    execFile('sh', ['-c', script], { ...options, maxBuffer: 2 ** 26, encoding: 'utf8' }, ended).stdin?.end();
  });
}

/** The requests for an answer, the newest first. */
export async function inferences(swarm: Swarm): Promise<JobRecord[]> {
  const { jobs } = await swarm.result<{ jobs: JobRecord[] }>(['jobs']);
  return jobs.filter(({ operation }) => operation === 'infer');
}
