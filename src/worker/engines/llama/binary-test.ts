import { homePaths } from '../../../daemon/index.ts';
import { BinaryTrials, type TryBinary } from './binary-trials.ts';
import { importModule } from './import-module.ts';

/**
 * The build puts this in the place of node-llama-cpp's function of the same name, which loads a binary in a process of its own,
 * where a crash harms nothing. That takes half a second of a core, so it is done once for a binary and a machine.
 */
export const testBindingBinary: TryBinary = (...binary) =>
  new BinaryTrials(homePaths()).passes(binary, async () => {
    const original = (await importModule(new URL(__BINARY_TEST__, import.meta.url).href)) as { testBindingBinary: TryBinary };
    return original.testBindingBinary(...binary);
  });
