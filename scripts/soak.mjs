// Bundles test/soak and runs it: a fleet under load, in which a daemon is killed or frozen every few seconds.
import { join } from 'node:path';
import { bundleBeside } from './bundle-beside.mjs';

await import(join(await bundleBeside('test/soak', ['soak.ts']), 'soak.js'));
