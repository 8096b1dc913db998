import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forgetOldLogs } from './old-logs.ts';

test('the newest five logs of exited workers are kept, and those of running workers and other files are not touched', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-old-logs-'));
  try {
    const ids = Array.from({ length: 9 }, (_, index) => `worker-0000000${index}`);
    for (const [age, id] of ids.entries()) {
      for (const name of [`${id}.log`, `${id}.log.1`]) {
        await writeFile(join(folder, name), 'x');
        await utimes(join(folder, name), 1_000_000 - age, 1_000_000 - age);
      }
    }
    await writeFile(join(folder, 'queen.log'), 'x');
    await forgetOldLogs(folder, new Set(['worker-00000008']));
    const kept = [...ids.slice(0, 5), 'worker-00000008'].flatMap((id) => [`${id}.log`, `${id}.log.1`]);
    expect((await readdir(folder)).toSorted()).toEqual(['queen.log', ...kept].toSorted());
    await forgetOldLogs(join(folder, 'nowhere'), new Set());
  } finally {
    await rm(folder, { recursive: true });
  }
});
