// Bundles test/soak and runs it: a fleet under load, in which a daemon is killed or frozen every few seconds. Then the random
// requests of test/refuse and the random fleets of src/queen/placement, many times more of them than in `npm test`, and others each time.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bundleBeside } from './bundle-beside.mjs';

await import(join(await bundleBeside('test/soak', ['soak.ts']), 'soak.js'));

const RBEE_FUZZ_SEED = String(Math.floor(Math.random() * 2 ** 31));
const fuzz = spawnSync('npx', ['vitest', 'run', 'test/refuse/requests.test.ts', 'src/queen/placement'], {
  stdio: 'inherit',
  env: { ...process.env, RBEE_FUZZ_TIMES: '20', RBEE_FUZZ_SEED },
});
process.exitCode ||= fuzz.status ?? 1;
