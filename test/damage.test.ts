import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { ask } from './support/streams.ts';
import { ENDLESS, leftovers, testSwarm, type Swarm } from './support/swarm.ts';
import { until } from './support/until.ts';

/** A request that has been answered. @returns its job, and all that a reader of the job gets */
async function answered(swarm: Swarm, prompt: string): Promise<{ id: string; stream: string }> {
  const made = await fetch(`${swarm.queenUrl}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operation: 'infer', model: 'tiny', prompt, max_tokens: 20, seed: 1 }),
  });
  const { job_id } = (await made.json()) as { job_id: string };
  return { id: job_id, stream: await streamOf(swarm, job_id) };
}

const streamOf = async (swarm: Swarm, jobId: string, format = '') =>
  (await fetch(`${swarm.queenUrl}/v1/jobs/${jobId}/stream${format}`)).text();

const catalogOf = (swarm: Swarm, role: 'queen' | 'hive') => join(swarm.home, 'data', `${role}.db`);
const logOf = (swarm: Swarm, jobId: string) => join(swarm.home, 'data', 'jobs', 'queen', `${jobId}.ndjson`);

/** One byte, after the first place where the file has both texts in this order. */
function changeByte(file: string, [first, second]: [string, string], byte: number): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(second, bytes.indexOf(first));
  expect(at).toBeGreaterThan(0);
  bytes[at + 3] = byte;
  writeFileSync(file, bytes);
}

/** As often as it takes: a daemon may write a file into a folder that has just been emptied. */
async function deleteWhileInUse(folder: string): Promise<void> {
  await until(() => {
    try {
      rmSync(folder, { recursive: true });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
      return false;
    }
  });
}

test('damaged records, logs and catalogs cost only their contents, and doctor names them until they are deleted; files of a newer rbee are refused and kept', async () => {
  await using swarm = await testSwarm();
  expect((await swarm.rbee(['queen', 'start'])).code).toBe(0);
  const jobs = [await answered(swarm, 'one'), await answered(swarm, 'two'), await answered(swarm, 'three')] as const;
  const [wrongRecord, lostEnd, sound] = jobs;
  await ask(swarm, 'hive_create', { hive_id: 'attic', host: '127.0.0.1', port: 1 });
  expect((await swarm.rbee(['down'])).code).toBe(0);

  // A byte that is not UTF-8, in one record; the end of one log; the hive's catalog, all of it.
  changeByte(catalogOf(swarm, 'queen'), [`"job_id":"${wrongRecord.id}"`, '"correlation_id"'], 0xff);
  const lines = readFileSync(logOf(swarm, lostEnd.id), 'utf8').split('\n');
  writeFileSync(logOf(swarm, lostEnd.id), `${lines.slice(0, 9).join('\n')}\n`);
  writeFileSync(catalogOf(swarm, 'hive'), 'no catalog');

  expect((await swarm.rbee(['queen', 'start'])).code).toBe(0);
  for (const { id, stream } of [wrongRecord, sound]) expect(await streamOf(swarm, id)).toBe(stream);
  for (const format of ['', '?format=text'])
    expect(await streamOf(swarm, lostEnd.id, format)).toMatch(/its log is damaged.*\[DONE\]\s*$/s);
  const logs = await swarm.rbee(['logs', lostEnd.id]);
  expect([logs.code, logs.stderr + logs.stdout]).toEqual([expect.any(Number), expect.stringContaining('job_damaged')]);
  expect(await ask(swarm, 'hive_list')).toMatchObject({
    hives: [{ hive_id: 'localhost' }, { hive_id: 'attic' }],
  });
  await ask(swarm, 'infer', { prompt: 'hello' });

  const doctor = await swarm.rbee(['doctor']);
  for (const named of [`events of ${lostEnd.id}`, `the record of ${wrongRecord.id}`, 'hive-hive.db'])
    expect(doctor.stdout).toContain(named);
  rmSync(join(swarm.home, 'data', 'damaged'), { recursive: true });
  await streamOf(swarm, lostEnd.id);
  expect((await swarm.rbee(['doctor'])).stdout).toContain('no damaged files found');

  await refusesNewerFormats(swarm, logOf(swarm, sound.id), sound.id);
});

/** A log of a newer rbee while the queen runs, and then a catalog of one when the hive starts. */
async function refusesNewerFormats(swarm: Swarm, log: string, jobId: string): Promise<void> {
  const newer = readFileSync(log, 'utf8').replace('"rbee_job_log":1', '"rbee_job_log":2');
  writeFileSync(log, newer);
  const ofLog = await swarm.rbee(['logs', jobId, '-q']);
  expect(ofLog.stderr).toMatch(/^Error: .*was written by a newer rbee \(log format 2; this one reads 1\)/);
  expect(ofLog.code).toBe(4);
  expect(readFileSync(log, 'utf8')).toBe(newer);

  expect((await swarm.rbee(['down'])).code).toBe(0);
  const setFormat = (format: number) => {
    const catalog = new Database(catalogOf(swarm, 'hive'));
    catalog.exec(`PRAGMA user_version = ${format}`);
    catalog.close();
  };
  setFormat(99);
  const ofCatalog = await swarm.rbee(['infer', 'hello', '-q']);
  expect(ofCatalog.stderr).toMatch(
    /^Error: .*hive\.db was written by .* \(catalog format 99\); this is rbee .*, which reads format 1\. Update rbee/,
  );
  expect(ofCatalog.code).toBe(7);
  setFormat(1);
  await ask(swarm, 'infer', { prompt: 'hello' });
}

test('a queen and a hive whose home is deleted report it and exit with their workers, and do not create it again', async () => {
  await using swarm = await testSwarm();
  expect((await swarm.rbee(['infer', 'hello', '-q'])).code).toBe(0);
  const daemons = leftovers(swarm.home);
  expect(daemons.length).toBeGreaterThanOrEqual(3);
  const long = swarm.start(ENDLESS);
  await long.says('stdout', /true|false/);
  for (const folder of readdirSync(swarm.home)) if (folder !== 'cache') await deleteWhileInUse(join(swarm.home, folder));
  const { code, stderr } = await long.ended;
  expect([code, stderr]).toEqual([5, expect.stringMatching(/shutting_down|was deleted or moved/)]);
  await until(() => leftovers(swarm.home).length === 0);
  expect(existsSync(join(swarm.home, 'state'))).toBe(false);
});
