import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DeviceKind } from '../../contract/index.ts';
import { homePaths } from '../../daemon/index.ts';

/** Packages for GPUs are not part of the default install. */
export function hasEngineFor(kind: DeviceKind, packageRoot: string): boolean {
  const binaries = join('node_modules', '@node-llama-cpp', `${process.platform}-${process.arch}-${kind}`, 'bins');
  const engineDir = engineDirOf(homePaths().data);
  const folders = engineDir === undefined ? upwards(packageRoot) : [engineDir];
  return folders.some((folder) => existsSync(join(folder, binaries)));
}

/** The folder whose engine workers load in place of the one that came with rbee: RBEE_ENGINE_DIR, or what was installed for this machine. */
export function engineDirOf(dataDir: string): string | undefined {
  const chosen = process.env['RBEE_ENGINE_DIR'];
  if (chosen !== undefined && chosen !== '') return chosen;
  const installed = join(dataDir, 'engine');
  // The packages with its binaries, or the whole of it.
  const has = (name: string) => existsSync(join(installed, 'node_modules', name));
  return has('@node-llama-cpp') || has('node-llama-cpp') ? installed : undefined;
}

/** The folders in which Node looks for packages. */
function upwards(start: string): string[] {
  const above = dirname(start);
  return above === start ? [start] : [start, ...upwards(above)];
}
