// Bundles bench/ and runs it.
import { join } from 'node:path';
import { bundleBeside } from './bundle-beside.mjs';

await import(join(await bundleBeside('bench', ['bench.ts', '**/*-process.ts']), 'bench.js'));
