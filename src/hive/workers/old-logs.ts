import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../../narration/index.ts';

/** Logs of workers of previous hive processes that are kept, for a diagnosis. */
const KEPT_WORKERS = 5;

/** Deletes the logs of workers that exited long ago. @param running ids of the running ones */
export async function forgetOldLogs(folder: string, running: ReadonlySet<string>): Promise<void> {
  const ages = new Map<string, number>();
  for (const file of await readdir(folder).catch(() => [])) {
    const id = /^(worker-.+?)\.log(?:\.1)?$/.exec(file)?.[1];
    if (id === undefined || running.has(id)) continue;
    const { mtimeMs } = await stat(join(folder, file)).catch(() => ({ mtimeMs: 0 }));
    ages.set(id, Math.max(mtimeMs, ages.get(id) ?? 0));
  }
  const oldest = [...ages].toSorted(([, one], [, other]) => other - one).slice(KEPT_WORKERS);
  for (const [id] of oldest) await forgetLog(join(folder, `${id}.log`));
}

/** Also the part that was set aside. */
export async function forgetLog(file: string): Promise<void> {
  for (const each of [file, `${file}.1`]) {
    await rm(each, { force: true }).catch((cause: unknown) => log.warn({ err: cause }, `the log ${each} could not be deleted`));
  }
}
