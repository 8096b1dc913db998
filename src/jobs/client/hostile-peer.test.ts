import { setTimeout as delay } from 'node:timers/promises';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { call } from './call.ts';
import { startHostileServer, type Behaviour } from '../fixtures/hostile-server.ts';
import { context } from '../fixtures/test-jobs.ts';
import { openLines } from '../feed/line-link.ts';
import type { Peer } from './peer.ts';
import { readStream } from './stream.ts';
import { runOn } from './run-on.ts';

afterEach(() => vi.useRealTimers());

/** The code of the error, or 'ok'. */
async function outcomeOf(asking: Promise<unknown>): Promise<string> {
  return asking.then(
    () => 'ok',
    (cause: unknown) => (cause instanceof JobError ? cause.code : String(cause)),
  );
}

async function runList(peer: Peer): Promise<void> {
  const run = runOn(peer, 'worker_list')({ hive_id: 'test' }, context());
  while (!(await run.next()).done);
}

/** Until its first line, or its end. */
function firstLine(peer: Peer): Promise<unknown> {
  return new Promise((resolve, reject) => {
    openLines(peer, '/v1/presence', {
      lineLimitChars: 1_000,
      onLine: (text) => {
        if (text !== 'hello') return false;
        resolve(text);
        return true;
      },
      onClosed: (cause) => reject(cause instanceof JobError ? cause : new JobError('hive_unreachable', String(cause))),
    }).catch(reject);
  });
}

interface Kind {
  path: RegExp;
  ask: (peer: Peer) => Promise<unknown>;
  /** Whether a broken connection is opened again. */
  triesAgain?: true;
}

const kinds: Record<string, Kind> = {
  'a call': { path: /^GET \/v1\/thing/, ask: (peer) => call(peer, { method: 'GET', path: '/v1/thing' }) },
  'a new job': { path: /^POST \/v1\/jobs/, ask: runList, triesAgain: true },
  'the opening of a feed': { path: /^GET \/v1\/feed/, ask: runList },
  'a follow request on a feed': { path: /^POST \/v1\/feed\//, ask: runList, triesAgain: true },
  'a stream': {
    path: /\/stream/,
    triesAgain: true,
    ask: async (peer) => {
      for await (const { kind } of readStream(peer, 'job-1', { after: 0, signal: AbortSignal.timeout(100_000) }))
        if (kind === 'result') return;
    },
  },
  'an answer of lines': { path: /\/v1\/presence/, ask: firstLine },
};

type Meaning =
  /** Not HTTP, or not usable. */
  | 'refused'
  /** An HTTP answer of another program. */
  | 'other answer'
  /** The connection broke. */
  | 'broken';

const say =
  (text: string): Behaviour =>
  (socket) =>
    void socket.write(text);
const sayAndEnd =
  (text: string): Behaviour =>
  (socket) =>
    void socket.end(text);
const OK = 'HTTP/1.1 200 OK\r\n';

/** Endless, as fast as it is read. */
function endless(first: string, more: string): Behaviour {
  return (socket: Socket) => {
    socket.write(first);
    const pump = () => {
      while (socket.writable && !socket.destroyed) if (!socket.write(more)) return void socket.once('drain', pump);
    };
    pump();
  };
}

const behaviours: [string, Behaviour, Meaning][] = [
  ['switches to another protocol', say('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: evil\r\n\r\n'), 'refused'],
  ['sends interim answers without end', endless('', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)), 'refused'],
  ['speaks another protocol', sayAndEnd('SSH-2.0-OpenSSH_9.2\r\n'), 'refused'],
  ['sends an invalid status', sayAndEnd('HTTP/1.1 99999 What\r\n\r\n'), 'refused'],
  ['sends headers without end', endless(OK, `x: ${'y'.repeat(1_000)}\r\n`), 'refused'],
  ['sends an invalid length', sayAndEnd(`${OK}content-length: -5\r\n\r\n{}`), 'refused'],
  ['sends two lengths', sayAndEnd(`${OK}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`), 'refused'],
  ['redirects', say('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'), 'other answer'],
  ['answers without content', say('HTTP/1.1 204 No Content\r\n\r\n'), 'other answer'],
  ['answers that it was not modified', say('HTTP/1.1 304 Not Modified\r\n\r\n'), 'other answer'],
  ['fails with a page', say('HTTP/1.1 500 Oops\r\ncontent-length: 6\r\n\r\n<html>'), 'other answer'],
  ['fails without end', endless('HTTP/1.1 500 Oops\r\n\r\n', 'x'.repeat(65_536)), 'refused'],
  ['fails in tiny pieces', endless('HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\nx\r\n'.repeat(1_000)), 'refused'],
  ['fails with deeply nested JSON', sayAndEnd(`HTTP/1.1 500 Oops\r\n\r\n${'['.repeat(100_000)}`), 'other answer'],
  ['fails with a body marked as compressed', sayAndEnd('HTTP/1.1 500 Oops\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b'), 'other answer'],
  ['closes the connection', (socket) => void socket.destroy(), 'broken'],
  ['resets the connection', (socket) => void socket.resetAndDestroy(), 'broken'],
  ['ends without an answer', (socket) => void socket.end(), 'broken'],
  ['ends in the middle of the head', sayAndEnd(`${OK}content-le`), 'broken'],
  ['ends before its content-length', sayAndEnd(`HTTP/1.1 500 Oops\r\ncontent-length: 500\r\n\r\n{`), 'broken'],
]; // prettier-ignore

describe.each(Object.entries(kinds))('%s, where the hive', (_kind, { path, ask, triesAgain }) => {
  test.each(behaviours)('%s, settles, and the next request succeeds', async (_behaviour, behaviour, meaning) => {
    await using hive = await startHostileServer();
    hive.meet(path, behaviour);
    const broken = triesAgain ? 'ok' : 'hive_unreachable';
    const expected = { refused: 'hive_bad_response', 'other answer': 'hive_bad_response', broken }[meaning];
    expect(await outcomeOf(ask(hive.peer))).toBe(expected);
    expect(await outcomeOf(ask(hive.peer))).toBe('ok');
  });
});

/** An answer that is never complete, one byte at a time. */
function dripping(first: string): { behaviour: Behaviour; drips: () => number } {
  let drips = 0;
  const drip = async (socket: Socket) => {
    socket.write(first);
    while (!socket.destroyed) {
      await delay(2);
      socket.write('x');
      drips += 1;
    }
  };
  return { behaviour: (socket) => void drip(socket), drips: () => drips };
}

/** Advances the faked time only while bytes arrive, until the request has settled. */
async function sitOut(asking: Promise<unknown>, drips: () => number): Promise<string> {
  let outcome: string | undefined;
  void outcomeOf(asking).then((settled) => (outcome = settled));
  for (let before = 0; outcome === undefined; before = drips()) {
    await expect.poll(() => outcome ?? drips(), { interval: 2 }).not.toBe(before);
    if (drips() > 3) vi.advanceTimersByTime(1_000);
  }
  vi.useRealTimers();
  return outcome;
}

describe.each(Object.entries(kinds))('%s, where the hive', (kind, { path, ask, triesAgain }) => {
  test.each([
    ['sends its head a byte at a time', 'HTTP/1.1 200 O'],
    ['sends its failure a byte at a time', 'HTTP/1.1 500 Oops\r\n\r\n'],
  ])('%s, settles within a limited time', async (_behaviour, first) => {
    await using hive = await startHostileServer();
    const { behaviour, drips } = dripping(first);
    hive.meet(path, behaviour);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    // A hive accepts a job within milliseconds: one that needs seconds is frozen.
    const expected = triesAgain && kind !== 'a new job' ? 'ok' : 'hive_unreachable';
    expect(await sitOut(ask(hive.peer), drips)).toBe(expected);
    expect(await outcomeOf(ask(hive.peer))).toBe('ok');
  });
});

test('a line that arrives a byte at a time counts as silence', async () => {
  await using hive = await startHostileServer();
  const { behaviour, drips } = dripping('HTTP/1.1 200 OK\r\n\r\n');
  hive.meet(/presence/, behaviour);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  expect(await sitOut(firstLine(hive.peer), drips)).toBe('hive_unreachable');
});

test('unsolicited answers on a kept-alive connection delay no request that is sent on it later', async () => {
  await using hive = await startHostileServer();
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
  hive.meet(/thing/, (socket) => void socket.write(answer.repeat(3)), 2);
  const ask = () => call(hive.peer, { method: 'GET', path: '/v1/thing', repeatable: true });
  for (let times = 0; times < 5; times += 1) expect(await ask()).toEqual({});
});

test('a line over the limit closes the connection before it is complete', async () => {
  await using hive = await startHostileServer();
  hive.meet(/presence/, endless('HTTP/1.1 200 OK\r\n\r\n', 'g'.repeat(65_536)));
  expect(await outcomeOf(firstLine(hive.peer))).toBe('hive_bad_response');
});

test('an exception while a line is processed closes the connection, and does not end the process', async () => {
  await using hive = await startHostileServer();
  const closed = new Promise<unknown>((onClosed, reject) => {
    const onLine = () => {
      throw new TypeError('a bug');
    };
    openLines(hive.peer, '/v1/presence', { lineLimitChars: 1_000, onLine, onClosed }).catch(reject);
  });
  expect(await closed).toEqual(new TypeError('a bug'));
});
