import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as NodeLlamaCpp from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';

export type LlamaModule = typeof NodeLlamaCpp;

/**
 * Imports node-llama-cpp when a model is loaded and not before, and by its name, so that it stays outside the bundle:
 * it finds its binaries by their place beside its own files. The GPU variants weigh hundreds of megabytes and are not
 * installed with rbee; a machine that has them names their folder in RBEE_ENGINE_DIR.
 *
 * @throws JobError engine_failed
 */
export async function importLlama(engineDir = process.env['RBEE_ENGINE_DIR']): Promise<LlamaModule> {
  try {
    if (engineDir === undefined || engineDir === '') return await import('node-llama-cpp');
    return (await import(await entryOf(engineDir))) as LlamaModule;
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('engine_failed', `The engine node-llama-cpp cannot be loaded: ${String(cause)}`, { cause });
  }
}

/**
 * URL of the library's file that renders chat templates, for a thread that needs nothing else of the library: it is read in
 * 70 ms, all of it in 500.
 */
export async function templateRenderer(engineDir = process.env['RBEE_ENGINE_DIR']): Promise<string> {
  const isOwn = engineDir === undefined || engineDir === '';
  const entry = isOwn ? pathToFileURL(createRequire(import.meta.url).resolve('node-llama-cpp')).href : await entryOf(engineDir);
  return new URL('chatWrappers/generic/JinjaTemplateChatWrapper.js', entry).href;
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
