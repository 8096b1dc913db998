import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importModule } from './import-module.ts';
import { ENGINE_VERSION } from './packages.ts';

interface BinaryPackage {
  getBinsDir?: () => { packageVersion: string };
}

/**
 * The build puts this in the place of node-llama-cpp's own import of a package with binaries, such as '@node-llama-cpp/linux-x64-cuda':
 * from the folder in RBEE_ENGINE_DIR where it is there in the version that the library accepts, otherwise as it was installed with rbee.
 */
export async function importBinaries(name: string): Promise<unknown> {
  const engineDir = process.env['RBEE_ENGINE_DIR'];
  const url = engineDir === undefined || engineDir === '' ? undefined : resolveIn(engineDir, name);
  if (url === undefined) return importModule(name);
  const found = (await importModule(url)) as BinaryPackage;
  return found.getBinsDir?.().packageVersion === ENGINE_VERSION ? found : importModule(name);
}

function resolveIn(folder: string, name: string): string | undefined {
  try {
    return pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href;
  } catch {
    // Not in that folder: the package beside rbee is used.
    return undefined;
  }
}
