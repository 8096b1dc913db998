import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import Database from 'libsql';
import { afterEach, describe, expect, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import type { Catalog, Collection } from './catalog.ts';
import { openMemoryCatalog } from './memory-catalog.ts';
import { openSqliteCatalog } from './sqlite-catalog.ts';

interface Bee {
  name: string;
  task?: string;
  flower?: string;
  age?: number;
}

const leftovers: (() => void)[] = [];
afterEach(tidyUp);

function tidyUp(): void {
  for (const tidy of leftovers.splice(0).reverse()) tidy();
}

function temporaryDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'rbee-catalog-'));
  leftovers.push(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function closedAtTheEnd(catalog: Catalog): Catalog {
  leftovers.push(() => catalog.close());
  return catalog;
}

const engines = {
  memory: () => closedAtTheEnd(openMemoryCatalog()),
  sqlite: () => closedAtTheEnd(openSqliteCatalog(path.join(temporaryDirectory(), 'catalog.db'))),
};

describe.each(Object.entries(engines))('a %s catalog', (_, open) => {
  const openBees = (): { catalog: Catalog; bees: Collection<Bee> } => {
    const catalog = open();
    return { catalog, bees: catalog.collection<Bee>('bees', ['task', 'flower']) };
  };

  test('returns what was put, under its key', () => {
    const { bees } = openBees();
    bees.put('maja', { name: 'Maja', age: 3 });
    expect(bees.get('maja')).toStrictEqual({ name: 'Maja', age: 3 });
    expect(bees.get('willi')).toBeUndefined();
    expect(bees.count()).toBe(1);
  });

  test('finds documents by the beginning of their keys, with their fields', () => {
    const { bees } = openBees();
    for (const key of ['job-0c7e', 'job-0c', 'job-0d', 'job-', 'a"b', 'a"c', 'job-0c\uffff'])
      bees.put(key, { name: key, task: key.length > 6 ? 'long' : 'short' });
    const names = (keyPrefix: string, where = {}) => bees.find({ keyPrefix, where }).map(({ name }) => name);
    expect(names('job-0c')).toEqual(['job-0c7e', 'job-0c', 'job-0c\uffff']);
    expect(names('job-0c', { task: 'long' })).toEqual(['job-0c7e', 'job-0c\uffff']);
    expect(names('a"')).toEqual(['a"b', 'a"c']);
    expect(names('job-0e')).toEqual([]);
    expect(names('')).toHaveLength(7);
  });

  test('a document changed by its caller is not changed in the catalog', () => {
    const { bees } = openBees();
    const maja = { name: 'Maja' };
    bees.put('maja', maja);
    maja.name = 'changed after put';
    for (const read of [bees.get('maja'), bees.find()[0]]) {
      expect(read).toStrictEqual({ name: 'Maja' });
      Object.assign(read ?? {}, { name: 'changed after reading' });
    }
    expect(bees.get('maja')).toStrictEqual({ name: 'Maja' });
  });

  test('delete returns whether the document existed', () => {
    const { bees } = openBees();
    bees.put('maja', { name: 'Maja' });
    expect(bees.delete('maja')).toBe(true);
    expect(bees.delete('maja')).toBe(false);
    expect(bees.count()).toBe(0);
  });

  test('a replaced document keeps its place, a deleted one loses it', () => {
    const { bees } = openBees();
    for (const name of ['a', 'b', 'c']) bees.put(name, { name });
    bees.put('a', { name: 'A' });
    expect(bees.find().map((bee) => bee.name)).toEqual(['A', 'b', 'c']);
    bees.delete('b');
    bees.put('b', { name: 'B' });
    expect(bees.find().map((bee) => bee.name)).toEqual(['A', 'c', 'B']);
    expect(bees.find({ newestFirst: true, limit: 2 }).map((bee) => bee.name)).toEqual(['B', 'c']);
  });

  test('find uses the current value of a field after its document is replaced, and matches no absent field', () => {
    const { bees } = openBees();
    bees.put('maja', { name: 'Maja', task: 'forage', flower: 'clover' });
    bees.put('willi', { name: 'Willi', task: 'sleep' });
    expect(bees.find({ where: { task: 'forage', flower: 'clover' } })).toHaveLength(1);
    expect(bees.find({ where: { task: 'sleep', flower: 'clover' } })).toEqual([]);
    bees.put('maja', { name: 'Maja', task: 'sleep' });
    expect(bees.find({ where: { task: 'forage' } })).toEqual([]);
    expect(bees.find({ where: { task: 'sleep' }, limit: 1 })).toMatchObject([{ name: 'Maja' }]);
    expect(bees.find({ limit: 0 })).toEqual([]);
  });

  test('keys and values are never read as SQL, cut at a NUL or mixed up', () => {
    const { bees } = openBees();
    const odd = [
      "'; DROP TABLE bees; --",
      '"',
      '%',
      'a',
      'a\0b',
      '',
      '\ud800',
      '\ud801',
      '\ufffd',
      'é😀',
      '\\u0000',
      '__proto__',
    ];
    for (const key of odd) bees.put(key, { name: key, task: key });
    expect(bees.count()).toBe(odd.length);
    for (const key of odd) {
      expect(bees.get(key)).toStrictEqual({ name: key, task: key });
      expect(bees.find({ where: { task: key } })).toStrictEqual([{ name: key, task: key }]);
    }
  });

  test('collections are independent of each other', () => {
    const { catalog, bees } = openBees();
    const others = catalog.collection<Bee>('wasps', ['task']);
    bees.put('maja', { name: 'Maja', task: 'forage' });
    expect(others.get('maja')).toBeUndefined();
    expect(others.find({ where: { task: 'forage' } })).toEqual([]);
    expect(catalog.collection<Bee>('bees').get('maja')).toStrictEqual({ name: 'Maja', task: 'forage' });
  });

  test('all writes of a transaction are kept', () => {
    const { catalog, bees } = openBees();
    catalog.transaction(() => {
      bees.put('maja', { name: 'Maja' });
      bees.put('willi', { name: 'Willi' });
      expect(bees.count()).toBe(2);
    });
    expect(bees.find()).toHaveLength(2);
  });

  test('a transaction that throws leaves all documents and their order unchanged', () => {
    const { catalog, bees } = openBees();
    const wasps = catalog.collection<Bee>('wasps');
    for (const name of ['a', 'b']) bees.put(name, { name });
    const work = (): void => {
      bees.delete('a');
      bees.put('a', { name: 'again' });
      bees.put('c', { name: 'c' });
      wasps.put('w', { name: 'w' });
      throw new JobError('cancelled', 'thought better of it');
    };
    expect(() => catalog.transaction(work)).toThrow('thought better of it');
    expect(bees.find()).toStrictEqual([{ name: 'a' }, { name: 'b' }]);
    expect(wasps.count()).toBe(0);
    catalog.transaction(() => bees.put('d', { name: 'd' }));
    expect(bees.count()).toBe(3);
  });

  test('every engine rejects the same mistakes of a caller', () => {
    const { catalog, bees } = openBees();
    expect(() => catalog.collection('bees; DROP')).toThrow('cannot name a collection');
    expect(() => catalog.collection<{ 'a"b': string }>('ants', ['a"b'])).toThrow('cannot name a collection or an index');
    expect(() => catalog.collection<Bee>('bees', ['name'])).toThrow("'name' was not among the indexes");
    expect(() => bees.find({ where: { name: 'Maja' } })).toThrow("'name' is not an index");
    expect(() => bees.find({ limit: -1 })).toThrow('a limit is a count');
    expect(() => catalog.transaction(() => catalog.transaction(() => {}))).toThrow('do not nest');
    expect(() => catalog.transaction(() => void catalog.collection('ants'))).toThrow('opened before the transaction');
    catalog.close();
    expect(() => bees.get('maja')).toThrow('closed');
    expect(() => bees.put('maja', { name: 'Maja' })).toThrow('closed');
    expect(() => catalog.collection('bees')).toThrow('closed');
  });

  test('any sequence of calls behaves like a Map', () => {
    const catalog = open();
    let round = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const collection = catalog.collection<Thing>(`round_${round++}`, ['tag']);
        compareWithMap({ catalog, collection }, steps);
      }),
      { numRuns: 150 },
    );
  });
});

interface Thing {
  tag?: unknown;
  rest: unknown;
}

/** Few enough keys to occur repeatedly, with every UTF-16 code unit, in pairs or not. */
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'a\0') },
  fc.array(fc.nat(0xffff), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
);
const thing: fc.Arbitrary<Thing> = fc.record(
  { tag: fc.oneof(word, fc.jsonValue()), rest: fc.jsonValue() },
  { requiredKeys: ['rest'] },
);
const write = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key: word, value: thing }),
  fc.record({ kind: fc.constant('delete' as const), key: word }),
);
const step = fc.oneof(
  write,
  fc.record({ kind: fc.constant('get' as const), key: word }),
  fc.record({ kind: fc.constant('find' as const), tag: word, newestFirst: fc.boolean(), limit: fc.nat(5) }),
  fc.record({ kind: fc.constant('transaction' as const), writes: fc.array(write, { maxLength: 5 }), fails: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;

function compareWithMap(real: { catalog: Catalog; collection: Collection<Thing> }, steps: readonly Step[]): void {
  const { catalog, collection } = real;
  let model = new Map<string, Thing>();
  const asStored = (value: Thing): Thing => JSON.parse(JSON.stringify(value)) as Thing;
  const both = (map: Map<string, Thing>, change: Write): void => {
    if (change.kind === 'delete') expect(collection.delete(change.key)).toBe(map.delete(change.key));
    else {
      collection.put(change.key, change.value);
      map.set(change.key, asStored(change.value));
    }
  };
  for (const next of steps) {
    if (next.kind === 'get') expect(collection.get(next.key)).toStrictEqual(model.get(next.key));
    else if (next.kind === 'find') {
      const { tag, newestFirst, limit } = next;
      const tagged = [...model.values()].filter((value) => value.tag === tag);
      const expected = (newestFirst ? tagged.reverse() : tagged).slice(0, limit);
      expect(collection.find({ where: { tag }, newestFirst, limit })).toStrictEqual(expected);
    } else if (next.kind === 'transaction') {
      const draft = new Map(model);
      const run = (): void =>
        catalog.transaction(() => {
          for (const change of next.writes) both(draft, change);
          if (next.fails) throw new JobError('cancelled', 'on purpose');
        });
      if (next.fails) expect(run).toThrow('on purpose');
      else run();
      if (!next.fails) model = draft;
    } else both(model, next);
    expect(collection.count()).toBe(model.size);
  }
  expect(collection.find()).toStrictEqual([...model.values()]);
  expect(collection.find({ newestFirst: true })).toStrictEqual([...model.values()].reverse());
}

describe('a catalog in a file', () => {
  const thrownBy = (work: () => unknown): unknown => {
    try {
      work();
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test('has its documents again after it was closed, and is readable for its owner only', () => {
    const file = path.join(temporaryDirectory(), 'deep', 'catalog.db');
    const first = openSqliteCatalog(file);
    first.collection<Bee>('bees', ['task']).put('maja', { name: 'Maja', task: 'forage' });
    for (const name of fs.readdirSync(path.dirname(file))) {
      expect(fs.statSync(path.join(path.dirname(file), name)).mode & 0o777, name).toBe(0o600);
    }
    first.close();
    first.close();
    const again = closedAtTheEnd(openSqliteCatalog(file));
    expect(again.collection<Bee>('bees', ['task']).find({ where: { task: 'forage' } })).toHaveLength(1);
  });

  test('has no byte of a deleted or replaced document once its write-ahead log is emptied', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    const bees = closedAtTheEnd(openSqliteCatalog(file)).collection<Bee>('bees');
    const stored = () => {
      const other = new Database(file);
      other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      other.close();
      return fs.readFileSync(file, 'latin1');
    };
    bees.put('maja', { name: 'a secret' });
    bees.put('willi', { name: 'another secret' });
    expect(stored()).toMatch(/a secret[^]*another secret|another secret[^]*a secret/);
    bees.put('maja', { name: 'Maja' });
    bees.delete('willi');
    expect(stored()).not.toContain('secret');
  });

  test('fills an index that an older version did not have', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    const old = openSqliteCatalog(file);
    old.collection<Bee>('bees').put('maja', { name: 'Maja', task: 'forage' });
    old.close();
    const catalog = closedAtTheEnd(openSqliteCatalog(file));
    expect(catalog.collection<Bee>('bees', ['task']).find({ where: { task: 'forage' } })).toMatchObject([{ name: 'Maja' }]);
  });

  test('keeps its documents when the process that wrote them is killed', async () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    const writer = startWriter(file);
    leftovers.push(() => writer.kill('SIGKILL'));
    await once(writer, 'message');
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    const catalog = closedAtTheEnd(openSqliteCatalog(file));
    expect(catalog.collection<Bee>('bees').find()).toStrictEqual([{ name: 'Maja' }]);
  });

  test('fails with deadline_exceeded while another process keeps it locked', async () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    const catalog = closedAtTheEnd(openSqliteCatalog(file));
    const bees = catalog.collection<Bee>('bees');
    const holder = startWriter(file);
    leftovers.push(() => holder.kill('SIGKILL'));
    await once(holder, 'message');
    const error = thrownBy(() => bees.put('willi', { name: 'Willi' }));
    expect(error).toMatchObject({ code: 'deadline_exceeded', retryable: true });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    bees.put('willi', { name: 'Willi' });
    expect(bees.find()).toStrictEqual([{ name: 'Maja' }, { name: 'Willi' }]);
  });

  test('from a newer rbee is refused, and the error names the formats and the fix', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    const newer = new Database(file);
    newer.exec('PRAGMA user_version = 7');
    newer.close();
    const error = thrownBy(() => openSqliteCatalog(file));
    expect(error).toMatchObject({ code: 'daemon_start_failed' });
    expect(String(error)).toContain(
      'was written by a newer rbee (catalog format 7); this is rbee 0.0.0-test, which reads format 1. Update rbee',
    );
  });

  test.each([
    ['text', Buffer.from('This is not a database. '.repeat(50))],
    ['a SQLite header and garbage', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(4096, 7)])],
  ])('with %s in its file sets the file aside unchanged, and starts empty', (_, bytes) => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    fs.writeFileSync(file, bytes);
    const catalog = closedAtTheEnd(openSqliteCatalog(file));
    expect(catalog.losses).toBe(1);
    expect(catalog.collection<Bee>('bees').find()).toEqual([]);
    expect(fs.readFileSync(path.join(path.dirname(file), 'damaged', 'catalog-catalog.db'))).toEqual(bytes);
  });

  test('with pages overwritten in the middle keeps every document of the intact pages, in order', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    fillAndDamage(file, Buffer.alloc(30_000, 0xaa), 50_000);
    const catalog = closedAtTheEnd(openSqliteCatalog(file));
    const places = catalog
      .collection<Bee>('bees', ['task'])
      .find()
      .map(({ task = '' }) => Number(task.slice('task-'.length)));
    expect(places.length).toBeGreaterThan(400);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect([places[0], places.at(-1)]).toEqual([0, 499]);
  });

  test('with one wrong byte in an indexed field loses that document, sets it aside, and can be written', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    fillAndDamage(file, Buffer.from([0xff]), (bytes) => bytes.indexOf('"task-250"}') + 2);
    const catalog = closedAtTheEnd(openSqliteCatalog(file));
    const bees = catalog.collection<Bee>('bees', ['task'], (value) =>
      (value as Bee).task?.startsWith('task-') ? (value as Bee) : undefined,
    );
    expect(bees.find()).toHaveLength(499);
    bees.put('bee-250', { name: 'new', task: 'task-250' });
    expect(bees.find({ where: { task: 'task-250' } })).toEqual([{ name: 'new', task: 'task-250' }]);
    expect(fs.readdirSync(path.join(path.dirname(file), 'damaged'))).toContain('catalog-bees-bee-250.json');
  });

  test('with a wrong name of an index in its schema loses no document', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    fillAndDamage(file, Buffer.from([0xfe]), (bytes) => bytes.indexOf('bees:task') + 2);
    expect(closedAtTheEnd(openSqliteCatalog(file)).collection<Bee>('bees', ['task']).count()).toBe(500);
  });

  test('beside the write-ahead log of another catalog keeps its own documents', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    fillAndDamage(file, Buffer.alloc(0), 0);
    const other = path.join(path.dirname(file), 'other.db');
    const foreign = closedAtTheEnd(openSqliteCatalog(other));
    foreign.collection<Bee>('wasps').put('wasp', { name: 'x'.repeat(20_000) });
    fs.copyFileSync(`${other}-wal`, `${file}-wal`);
    expect(closedAtTheEnd(openSqliteCatalog(file)).collection<Bee>('bees', ['task']).count()).toBe(500);
  });

  test('with a folder in its place sets the folder aside, and starts empty', () => {
    const file = path.join(temporaryDirectory(), 'catalog.db');
    fs.mkdirSync(path.join(file, 'inner'), { recursive: true });
    fs.mkdirSync(`${file}-wal`);
    expect(closedAtTheEnd(openSqliteCatalog(file)).collection<Bee>('bees').count()).toBe(0);
    expect(fs.readdirSync(path.join(path.dirname(file), 'damaged'))).toEqual(['catalog-catalog.db', 'catalog-catalog.db-wal']);
  });
});

/** 500 bees in a file without a log, some bytes of which are then overwritten. */
function fillAndDamage(file: string, bytes: Buffer, at: number | ((whole: Buffer) => number)): void {
  const draft = path.join(temporaryDirectory(), 'draft.db');
  const catalog = openSqliteCatalog(draft);
  const bees = catalog.collection<Bee>('bees', ['task']);
  catalog.transaction(() => {
    for (let each = 0; each < 500; each += 1) bees.put(`bee-${each}`, { name: 'x'.repeat(500), task: `task-${each}` });
  });
  execFileSync(process.execPath, ['-e', COPY_WITHOUT_WAL, draft, file], { cwd: import.meta.dirname });
  catalog.close();
  const whole = fs.readFileSync(file);
  bytes.copy(whole, typeof at === 'number' ? at : at(whole));
  fs.writeFileSync(file, whole);
}

/** Writes one bee, reports that, and then holds the write lock until it exits. */
const WRITER = `
const Database = require('libsql');
const database = new Database(process.argv[1], { timeout: 5000 });
database.exec('PRAGMA journal_mode = WAL');
database.exec('CREATE TABLE IF NOT EXISTS bees (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL)');
database.prepare('INSERT INTO bees (key, value) VALUES (?, ?)').run('"maja"', '{"name":"Maja"}');
database.exec('BEGIN IMMEDIATE');
process.send('written');
setInterval(() => {}, 1000);
`;

const COPY_WITHOUT_WAL = `
const Database = require('libsql');
new Database(process.argv[1]).exec("VACUUM INTO '" + process.argv[2] + "'");
`;

function startWriter(file: string): ChildProcess {
  return spawn(process.execPath, ['-e', WRITER, file], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** A file system of 512 kB, full and read-only for real. Under CI a missing right to mount fails the tests, elsewhere it skips them. */
function mountSmallDisk(): string {
  const directory = temporaryDirectory();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', directory], { stdio: 'pipe' });
  // Lazily: libsql keeps the file open until its statements are collected.
  leftovers.push(() => execFileSync('umount', ['--lazy', directory]));
  return directory;
}

function cannotMount(): boolean {
  // Root in CI has the right: there, a mount that fails is a failure. For other users, installing a package cannot grant it.
  if (process.env['CI'] === 'true' && process.getuid?.() === 0) return false;
  try {
    mountSmallDisk();
    return false;
  } catch {
    return true;
  } finally {
    tidyUp();
  }
}

describe.skipIf(cannotMount())('on a disk of 512 kB (needs the right to mount one)', () => {
  test('a write on a full disk fails with disk_full, leaves no half of a transaction, and works again when there is space', () => {
    const disk = mountSmallDisk();
    const catalog = closedAtTheEnd(openSqliteCatalog(path.join(disk, 'catalog.db')));
    const bees = catalog.collection<Bee>('bees', ['task']);
    bees.put('maja', { name: 'Maja' });
    const ballast = path.join(disk, 'ballast');
    fs.writeFileSync(ballast, Buffer.alloc(200_000));
    const fill = (): void => {
      for (let at = 0; at < 1000; at += 1) bees.put(`bee-${at}`, { name: 'x'.repeat(5000) });
    };
    const full = { code: 'disk_full', message: `The disk is full: ${path.join(disk, 'catalog.db')} could not be written` };
    expect(() => catalog.transaction(fill)).toThrow(expect.objectContaining(full));
    expect(bees.find()).toStrictEqual([{ name: 'Maja' }]);
    expect(fill).toThrow(expect.objectContaining(full));
    const kept = bees.count();
    fs.rmSync(ballast);
    catalog.transaction(() => bees.put('willi', { name: 'Willi' }));
    expect(bees.count()).toBe(kept + 1);
  });

  test('a first start on a full disk fails with disk_full', () => {
    const disk = mountSmallDisk();
    expect(() => fs.writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(600_000))).toThrow('ENOSPC');
    expect(() => openSqliteCatalog(path.join(disk, 'catalog.db'))).toThrow(expect.objectContaining({ code: 'disk_full' }));
  });

  test.each([
    ['bytes', (disk: string) => fs.writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(600_000))],
    [
      'files',
      (disk: string) => {
        execFileSync('mount', ['-o', 'remount,nr_inodes=20', disk]);
        for (let at = 0; ; at += 1) fs.writeFileSync(path.join(disk, String(at)), '');
      },
    ],
  ])(
    'on a disk that became full (of %s) while the catalog was closed, opening it fails with disk_full and the name of the file',
    (_what, fill) => {
      const disk = mountSmallDisk();
      openSqliteCatalog(path.join(disk, 'catalog.db')).close();
      // A copy: this process still holds the companion files of the first.
      const file = path.join(disk, 'copy.db');
      fs.copyFileSync(path.join(disk, 'catalog.db'), file);
      expect(() => {
        fill(disk);
      }).toThrow('ENOSPC');
      expect(() => openSqliteCatalog(file)).toThrow(
        expect.objectContaining({ code: 'disk_full', message: expect.stringContaining(file) as string }),
      );
    },
  );

  test('on a read-only disk the catalog cannot be opened, and the error says that the disk may be read-only', () => {
    const disk = mountSmallDisk();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const file = path.join(disk, 'catalog.db');
    expect(() => openSqliteCatalog(file)).toThrow(
      expect.objectContaining({ code: 'daemon_start_failed', message: expect.stringContaining('read-only') as string }),
    );
  });
});
