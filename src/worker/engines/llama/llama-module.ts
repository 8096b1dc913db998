import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { JobError } from '../../../contract/index.ts';
import { importModule } from './import-module.ts';
import type * as library from './library.ts';

/** The part of node-llama-cpp that rbee uses. */
export type LlamaModule = typeof library;

/**
 * Imports node-llama-cpp, which only a process that loads a model needs. The binaries for GPUs weigh hundreds of megabytes and are
 * not installed with rbee. A machine that has them names their folder in RBEE_ENGINE_DIR: one with packages of binaries, or one with
 * a whole node-llama-cpp, which is then used in place of rbee's own.
 *
 * @throws JobError engine_failed
 */
export async function importLlama(engineDir = process.env['RBEE_ENGINE_DIR']): Promise<LlamaModule> {
  try {
    const entry = await entryIn(engineDir);
    return entry === undefined ? await import('./library.ts') : ((await importModule(entry)) as LlamaModule);
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('engine_failed', `The engine node-llama-cpp cannot be loaded: ${String(cause)}`, { cause });
  }
}

/** URL of the node-llama-cpp that is installed in that folder; undefined where rbee's own is used. */
async function entryIn(engineDir: string | undefined): Promise<string | undefined> {
  if (engineDir === undefined || engineDir === '') return undefined;
  if (!isAbsolute(engineDir)) {
    throw new JobError('engine_failed', `RBEE_ENGINE_DIR must be an absolute path, but it is '${engineDir}'.`);
  }
  const packages = join(engineDir, 'node_modules');
  const folder = join(packages, 'node-llama-cpp');
  if (!existsSync(folder) && existsSync(join(packages, '@node-llama-cpp'))) return undefined;
  try {
    const { main } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { main: string };
    return pathToFileURL(join(folder, main)).href;
  } catch (cause) {
    const advice = `RBEE_ENGINE_DIR is '${engineDir}', but ${packages} has no node-llama-cpp and no package of its binaries. Install one there (rbee doctor prints the command), or unset it.`;
    throw new JobError('engine_failed', advice, { cause });
  }
}
