import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { JobError } from '../../../contract/index.ts';
import type * as library from './library.ts';

/** What is used of node-llama-cpp. */
export type LlamaModule = typeof library;

/**
 * Imports node-llama-cpp when a model is loaded and not before. The binaries for GPUs weigh hundreds of megabytes and are not
 * installed with rbee; a machine that has them names in RBEE_ENGINE_DIR the folder of a node-llama-cpp that has them too.
 *
 * @throws JobError engine_failed
 */
export async function importLlama(engineDir = process.env['RBEE_ENGINE_DIR']): Promise<LlamaModule> {
  try {
    if (engineDir === undefined || engineDir === '') return await import('./library.ts');
    return (await import(await entryOf(engineDir))) as LlamaModule;
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('engine_failed', `The engine node-llama-cpp cannot be loaded: ${String(cause)}`, { cause });
  }
}

/** URL of the file that renders chat templates, for a thread that needs nothing else of the library. */
export async function templateRenderer(engineDir = process.env['RBEE_ENGINE_DIR']): Promise<string> {
  if (engineDir === undefined || engineDir === '') return new URL(__TEMPLATE_RENDERER__, import.meta.url).href;
  return new URL('chatWrappers/generic/JinjaTemplateChatWrapper.js', await entryOf(engineDir)).href;
}

async function entryOf(engineDir: string): Promise<string> {
  if (!isAbsolute(engineDir)) {
    throw new JobError('engine_failed', `RBEE_ENGINE_DIR must be an absolute path, but it is '${engineDir}'.`);
  }
  const folder = join(engineDir, 'node_modules', 'node-llama-cpp');
  try {
    const { main } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { main: string };
    return pathToFileURL(join(folder, main)).href;
  } catch (cause) {
    const advice = `RBEE_ENGINE_DIR is '${engineDir}', but there is no node-llama-cpp in ${folder}. Install it there, or unset it.`;
    throw new JobError('engine_failed', advice, { cause });
  }
}
