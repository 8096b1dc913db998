import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One folder for the kits of all test files: packing one takes longer than most tests. Its name is in the environment. */
export default async function kitCache(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-test-kits-'));
  process.env['TEST_KITS'] = folder;
  return () => rm(folder, { recursive: true, force: true });
}
