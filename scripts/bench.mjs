// Bundles bench/ and runs it.
import { join } from 'node:path';
import { bundleBench } from './bundle-bench.mjs';

await import(join(await bundleBench(), 'bench.js'));
