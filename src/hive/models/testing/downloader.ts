import { openMemoryCatalog } from '../../../jobs/index.ts';
import { openModelStore } from '../index.ts';

/** A process that does nothing but download one model; a test kills it in the middle. It tells of every progress event. */
const [modelsDir = '', source = ''] = process.argv.slice(2);
const store = openModelStore({ hiveId: 'attic', catalog: openMemoryCatalog(), modelsDir, builtinDir: modelsDir });
async function main(): Promise<void> {
  for await (const event of store.download({ source, name: 'bee' }, new AbortController().signal)) process.send?.(event);
}

main().catch((cause: unknown) => {
  console.error(cause);
  process.exitCode = 1;
});
