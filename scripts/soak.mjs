// Bundles bench/ and runs the soak: a fleet under load, of which something is killed every few seconds.
import { join } from 'node:path';
import { bundleBench } from './bundle-bench.mjs';

await import(join(await bundleBench(), 'soak-process.js'));
