import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { fleetLine, type FleetLine, type Hive, type Worker } from '../../contract/index.ts';
import { startTestDaemon } from '../../jobs/fixtures/test-daemon.ts';
import { openMemoryCatalog, type LineReader } from '../../jobs/index.ts';
import { HiveCatalog } from '../hives/hive-catalog.ts';
import { cpu, hive as viewOf, worker as workerView } from '../placement/fixtures/fleet.ts';
import type { FleetObserver, FleetView, HiveWatch } from '../presence/index.ts';
import { FleetPresence } from './fleet-presence.ts';
import { FleetReader, STALLED_MS } from './fleet-reader.ts';

afterEach(() => vi.useRealTimers());

type State = Pick<HiveWatch, 'state'>['state'];

/** A queen with one hive, whose state and workers the test sets. */
async function queenWith(workerIds: readonly string[]) {
  const hives = new HiveCatalog(openMemoryCatalog(), 9000, () => undefined);
  hives.remove('localhost');
  const hive: Hive = { hive_id: 'attic', transport: 'http', host: '127.0.0.1', port: 1, created_at: '2026-11-21T08:00:00.000Z' };
  hives.add(hive);
  const workers = new Map<string, Worker>();
  const setWorker = (id: string, tokens_per_s: number) => {
    const { assigned: _, ...worker } = workerView(id, 'bee', { hive_id: 'attic', tokens_per_s, last_words: 'bee '.repeat(300) });
    workers.set(id, worker);
  };
  for (const id of workerIds) setWorker(id, 0);
  const watch = {
    hive,
    state: { kind: 'up' } as State,
    report: viewOf('attic', { devices: [cpu(60)] }).report,
    worker: (id: string) => workers.get(id),
    get workers() {
      return workers.values();
    },
  };
  let observer: FleetObserver | undefined;
  const view = {
    observe: (each: FleetObserver) => (observer = each),
    watch: (id: string) => (id === 'attic' ? watch : undefined),
  } as unknown as FleetView;
  const presence = new FleetPresence({ hives, view });
  const daemon = await startTestDaemon({
    role: 'queen',
    handlers: {},
    addRoutes: ({ serveLines }) => serveLines('/v1/presence', presence.read),
  });
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  return {
    daemon,
    presence,
    workers,
    report: (id: string, tokens_per_s: number) => {
      setWorker(id, tokens_per_s);
      observer?.onWorker('attic', id);
    },
    become: (state: State) => {
      watch.state = state;
      if (state.kind !== 'up') workers.clear();
      observer?.onHive('attic', 'state');
    },
  };
}

/** Reads the lines as they come; `pause` stops reading from the socket. */
async function reader({ port }: { port: number }) {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let unread = '';
  let hasHeaders = false;
  socket.setEncoding('utf8').on('data', (chunk: string) => (unread += chunk));
  socket.write('GET /v1/presence HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  const read: FleetLine[] = [];
  /** All lines so far. Each is parsed once. */
  const lines = (): readonly FleetLine[] => {
    if (!hasHeaders) {
      const end = unread.indexOf('\r\n\r\n');
      if (end === -1) return [];
      hasHeaders = true;
      unread = unread.slice(end + 4);
    }
    const texts = unread.split('\n');
    unread = texts.pop() ?? '';
    for (const text of texts) if (text.startsWith('{')) read.push(fleetLine.parse(JSON.parse(text)));
    return read;
  };
  return { socket, lines };
}

const kinds = (lines: readonly FleetLine[]) => lines.map(({ kind }) => kind);

test('a reader gets the whole fleet, then complete, then each change', async () => {
  const queen = await queenWith(['w1', 'w2']);
  const { lines } = await reader(queen.daemon.peer);
  await expect.poll(() => kinds(lines())).toEqual(['hive_state', 'hive', 'worker', 'worker', 'complete']);
  expect(lines()[0]).toMatchObject({ hive_id: 'attic', state: 'running', host: '127.0.0.1', port: 1 });
  queen.report('w2', 7);
  await expect.poll(() => lines().at(-1)).toMatchObject({ kind: 'worker', worker: { worker_id: 'w2', tokens_per_s: 7 } });
});

test('a hive that becomes unreachable is reported once, with the code, and all of it when it is back', async () => {
  const queen = await queenWith(['w1']);
  const { lines } = await reader(queen.daemon.peer);
  await expect.poll(() => lines().at(-1)?.kind).toBe('complete');
  const before = lines().length;
  for (let tries = 0; tries < 3; tries += 1)
    queen.become({ kind: 'out', why: 'cannot be reached: connection refused', code: 'hive_unreachable' });
  queen.report('w1', 1);
  await expect.poll(() => lines().length).toBe(before + 1);
  expect(lines().at(-1)).toMatchObject({
    kind: 'hive_state',
    state: 'unreachable',
    reason: 'it cannot be reached: connection refused',
    code: 'hive_unreachable',
  });
  queen.become({ kind: 'up' });
  await expect.poll(() => kinds(lines()).slice(before + 1)).toEqual(['hive_state', 'hive', 'worker']);
});

test('a reader that stalls gets the newest state of each worker when it reads on, and none of the states between', async () => {
  const ids = Array.from({ length: 2_000 }, (_, at) => `w${at}`);
  const queen = await queenWith(ids);
  const { socket, lines } = await reader(queen.daemon.peer);
  await expect.poll(() => kinds(lines()).at(-1)).toBe('complete');
  socket.pause();
  const rounds = 20;
  // 60 MB of lines.
  for (let round = 1; round <= rounds; round += 1) {
    for (const id of ids) queen.report(id, round);
    await new Promise((resolve) => setImmediate(resolve));
  }
  queen.report('w1', rounds + 1);
  socket.resume();
  const ofOne = (id: string) =>
    lines().flatMap((line) => (line.kind === 'worker' && line.worker.worker_id === id ? line.worker : []));
  await expect.poll(() => ofOne('w1').at(-1)?.tokens_per_s, { timeout: 20_000 }).toBe(rounds + 1);
  await expect.poll(() => ofOne('w1999').at(-1)?.tokens_per_s, { timeout: 20_000 }).toBe(rounds);
  expect(ofOne('w1999').length).toBeLessThan(rounds / 2);
});

test('a reader that takes nothing for 30 s is disconnected', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const closing = new AbortController();
  const close = vi.fn(() => closing.abort());
  const reader = new FleetReader({ write: () => false, drained: () => undefined, close, closed: closing.signal });
  reader.changed('worker attic w1', () => '{}');
  for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  vi.advanceTimersByTime(STALLED_MS - 1);
  expect(close).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(close).toHaveBeenCalledOnce();
});

/** A reader in this process: `full` keeps it from taking lines until `drain` is called. */
function memoryReader() {
  const lines: FleetLine[] = [];
  const closing = new AbortController();
  let isFull = false;
  let onDrain: () => void = () => undefined;
  const reader: LineReader = {
    write: (line) => {
      lines.push(fleetLine.parse(JSON.parse(line)));
      return !isFull;
    },
    drained: (callback) => (onDrain = callback),
    close: () => closing.abort(),
    closed: closing.signal,
  };
  const full = () => (isFull = true);
  const drain = () => {
    isFull = false;
    onDrain();
  };
  return { lines, reader, closing, full, drain };
}

const turns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test('complete comes after the state of a hive that changes while the first state is being written', async () => {
  const queen = await queenWith(['w1']);
  const { lines, reader } = memoryReader();
  queen.presence.read(reader);
  queen.become({ kind: 'out', why: 'cannot be reached: connection refused', code: 'hive_unreachable' });
  await turns();
  expect(kinds(lines)).toEqual(['hive_state', 'complete']);
});

test('a slow reader gets a worker after the state of its hive, which starts over what it knows of the hive', async () => {
  const queen = await queenWith(['w1', 'w2']);
  const { lines, reader, full, drain } = memoryReader();
  queen.presence.read(reader);
  await turns();
  full();
  queen.report('w2', 1);
  await turns();
  const before = lines.length;
  queen.report('w1', 1);
  queen.become({ kind: 'out', why: 'cannot be reached: connection refused', code: 'hive_unreachable' });
  queen.become({ kind: 'up' });
  queen.report('w1', 2);
  drain();
  await turns();
  expect(kinds(lines.slice(before))).toEqual(['hive_state', 'hive', 'worker']);
});

test('a reader is disconnected when its lines cannot be made, so that it does not take an old state for the present one', async () => {
  const { reader, closing } = memoryReader();
  const fleetReader = new FleetReader(reader);
  fleetReader.changed('report attic', () => {
    throw new Error('of the test');
  });
  await turns();
  expect(closing.signal.aborted).toBe(true);
});
