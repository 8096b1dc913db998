import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobError, type Handlers } from '../../contract/index.ts';
import { openFileEventLog } from '../log/file-event-log.ts';
import { counting, token } from '../fixtures/test-jobs.ts';
import { JobRegistry } from './registry.ts';
import { openSetAside } from '../log/set-aside.ts';
import { openSqliteCatalog } from '../catalog/sqlite-catalog.ts';
import { createTextEncoder, encodeSse, type Encoder } from '../server/sse.ts';

/*
 * A small home with jobs of every end, one of whose files is damaged anywhere. The registry starts, every job whose own log is whole reads
 * as before, and every reading ends.
 */

const JOBS = 6;
let home: string;
const whole = new Map<string, string>();

const handlers: Handlers = {
  worker_list: counting(5),
  async *worker_get() {
    yield token('before it fails');
    throw new JobError('worker_not_found', 'there is none');
  },
};

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'rbee-damage-'));
  const running = open(join(home, 'running'));
  for (let n = 0; n < JOBS; n += 1) {
    const operation = n % 3 === 2 ? 'worker_get' : 'worker_list';
    const request = { operation, input: {}, onDisconnect: 'continue' } as const;
    const options = { correlationId: `c-${n}`, idempotencyKey: `key-${n}`, body: 'x' };
    const { job_id } = await running.registry.create(request, options);
    await read(running.registry, job_id);
    whole.set(job_id, await read(running.registry, job_id));
  }
  running.registry.expire();
  cpSync(join(home, 'running'), join(home, 'killed'), { recursive: true });
  await running.close();
  // A copy: the database may remove its write-ahead log only when its last statement is collected.
  cpSync(join(home, 'running'), join(home, 'ended'), { recursive: true });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function open(folder: string) {
  const jobs = join(folder, 'jobs');
  mkdirSync(jobs, { recursive: true });
  const aside = openSetAside({ folder: join(folder, 'damaged'), owner: 'hive', report: () => undefined });
  const catalog = openSqliteCatalog(join(folder, 'hive.db'), aside);
  const logger = { info: () => undefined, error: () => undefined };
  const kept = { jobs: 100, ageMs: 60_000 };
  const registry = new JobRegistry({ actor: 'rbee-hive', handlers, log: openFileEventLog(jobs), catalog, logger, kept, aside });
  return {
    registry,
    close: async () => {
      await registry.close();
      catalog.close();
    },
  };
}

/** All that a reader gets; the code of the error that it gets instead. */
async function read(registry: JobRegistry, jobId: string, encoder: Encoder = encodeSse): Promise<string> {
  let text = '';
  try {
    return await new Promise<string>((resolve) => {
      const write = (more: string) => {
        text += more;
        return true;
      };
      const end = (more: string, isWhole: boolean) => resolve(`${text}${more}${isWhole ? '[DONE]' : ''}`);
      registry.read(jobId, { write, drained: (go) => setImmediate(go), end }, { after: 0, encoder }).start();
    });
  } catch (cause) {
    if (cause instanceof JobError) return cause.code;
    throw cause;
  }
}

interface Damage {
  name: string;
  /** In `home`, before the registry is opened. */
  do: (file: string, bytes: Buffer) => void;
}

const damages: Damage[] = [
  { name: 'emptied', do: (file) => writeFileSync(file, '') },
  { name: 'replaced by noise', do: (file) => writeFileSync(file, Buffer.alloc(50_000, 0xa7)) },
  { name: 'cut in half', do: (file, bytes) => writeFileSync(file, bytes.subarray(0, bytes.length / 2)) },
  { name: 'cut at its last byte', do: (file, bytes) => writeFileSync(file, bytes.subarray(0, -1)) },
  { name: 'doubled', do: (file, bytes) => writeFileSync(file, Buffer.concat([bytes, bytes])) },
  { name: 'ended with zeros', do: (file, bytes) => writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(9_000)])) },
];

/** Bytes 60 to 63 of a catalog are its format: changed, it is that of a newer rbee, which is refused. */
const isFormat = (file: string, at: number) => file === 'hive.db' && at >= 60 && at < 64;

/** As a kill leaves a home, with a write-ahead log, and as a daemon that ends in good order does. */
const HOMES = ['killed', 'ended'];

function filesOf(source: string): string[] {
  const catalog = readdirSync(join(home, source)).filter((each) => /hive\.db(-wal)?$/.test(each));
  return [...catalog, ...readdirSync(join(home, source, 'jobs')).map((log) => join('jobs', log))];
}

/** The jobs read as before, but the one whose log is damaged, which ends all the same. */
async function expectContained(source: string, file: string, damage: Damage['do']): Promise<void> {
  const folder = mkdtempSync(join(home, 'damaged-'));
  cpSync(join(home, source), folder, { recursive: true });
  damage(join(folder, file), readFileSync(join(folder, file)));
  const { registry, close } = open(folder);
  for (const [id, before] of whole) {
    const now = await read(registry, id);
    await read(registry, id, createTextEncoder());
    if (!file.includes(id)) expect(now).toBe(before);
    else expect(now).toMatch(/\[DONE\]$|^job_not_found$|^version_mismatch$/);
  }
  expect(registry.find({ where: {}, limit: 100 }).length).toBeGreaterThanOrEqual(JOBS - 1);
  const { job_id } = await registry.create({ operation: 'worker_list', input: {}, onDisconnect: 'continue' }, { correlationId: 'c', idempotencyKey: undefined, body: '' }); // prettier-ignore
  expect(await read(registry, job_id)).toContain('event: result');
  await close();
  rmSync(folder, { recursive: true });
}

test.each(damages)('a file that is $name costs its own job, whichever file it is', async ({ do: damage }) => {
  for (const source of HOMES) for (const file of filesOf(source)) await expectContained(source, file, damage);
});

test('a log that is a folder costs its own job', async () => {
  await expectContained('ended', filesOf('ended').at(-1) ?? '', (path) => {
    rmSync(path);
    cpSync(join(home, 'ended', 'jobs'), path, { recursive: true });
  });
});

test('one wrong byte costs the job of its log, and in the catalog no job at all, wherever it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...HOMES),
      fc.boolean(),
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (source, isCatalog, which, where, change) => {
        const files = filesOf(source).filter((each) => each.startsWith('hive.db') === isCatalog);
        const file = files[which % files.length] ?? '';
        await expectContained(source, file, (path, bytes) => {
          const at = where % bytes.length;
          if (isFormat(file, at)) return;
          bytes[at] = (bytes[at] ?? 0) ^ change;
          writeFileSync(path, bytes);
        });
      },
    ),
    { numRuns: 60 },
  );
});
