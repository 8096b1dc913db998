import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  isWorkerOperation,
  JobError,
  operations,
  workerHeartbeat,
  type ErrorCode,
  type Handlers,
  type OperationName,
  type Role,
} from '../../src/contract/index.ts';
import { startTestDaemon } from '../../src/jobs/fixtures/test-daemon.ts';
import { parseRequest } from '../../src/jobs/server/parse-request.ts';
import { postJob, type Peer } from '../../src/jobs/client.ts';
import { refusalCode } from './answer.ts';
import { hostileBodies, hostileHeartbeats } from './hostile-bodies.ts';
import { daemons } from './one-fleet.ts';
import { poster } from './poster.ts';
import { dripping } from './raw-exchange.ts';
import { cpuSeconds, expectSameProcess, residentMb, settledMb } from './three-daemons.ts';

/** Sent at once to one daemon. */
const BATCH = 100;
/** The soak sends all that it makes, and many more. */
const isSoak = process.env['RBEE_FUZZ_TIMES'] !== undefined;
const BODIES = isSoak ? 17_000 : 5_000;
const HEARTBEATS = 1_000;
const WARM_UP = 500;
/** Of the bodies that are let in or refused like another one before, the daemons get every eighth; in the soak, all. */
const EVERY = isSoak ? 1 : 8;
/** A daemon that kept what it refused would have grown by far more. */
const GROWTH_MB = 40;
/** After large bodies the allocator keeps more for the next ones, but less than half of what was sent. */
const GROWTH_AFTER_LARGE_MB = isSoak ? 110 : 66;
const LARGE_ROUNDS = isSoak ? 5 : 3;
/** Another one: RBEE_FUZZ_SEED=$RANDOM. A failure prints the one that it had. */
const seed = Number(process.env['RBEE_FUZZ_SEED'] ?? 20_261_121);

const names = Object.keys(operations) as OperationName[];
/** Valid ones of these go to the real daemons too: they only look. All others would start, stop, fetch or forget something. */
const HARMLESS: ReadonlySet<string> = new Set<OperationName>([
  ...(['hive_list', 'hive_get', 'ssh_test', 'hive_import_ssh'] as const),
  ...(['worker_list', 'worker_get', 'model_list', 'model_get'] as const),
]);

/** The same operations as the real daemon of the role, and nothing behind them. */
function inertHandlers(role: Role): Handlers {
  const isServed = (name: OperationName) =>
    role === 'queen' || isWorkerOperation(name) || (role === 'hive' && operations[name].runsOn === 'hive');
  const inert = async function* () {
    throw new JobError('internal', 'This daemon does nothing');
  };
  return Object.fromEntries(names.filter(isServed).map((name) => [name, inert]));
}

/** What the door says of a body: the operation that it lets in, or the code of its refusal. */
function atTheDoor(body: Buffer, role: Role, handlers: Handlers): { operation: OperationName } | { code: ErrorCode } {
  try {
    if (!isUtf8(body)) return { code: 'invalid_json' };
    return { operation: parseRequest(body.toString(), { role, handlers }).operation };
  } catch (error) {
    if (error instanceof JobError) return { code: error.code };
    throw error;
  }
}

/** Code, operation, first field and its fault; undefined for a body that is let in. */
function kindOfRefusal(body: Buffer, handlers: Handlers): string | undefined {
  try {
    parseRequest(body.toString(), { role: 'queen', handlers });
    return undefined;
  } catch (error) {
    // Any other error would be one in the daemons too.
    if (!(error instanceof JobError)) throw error;
    const { code, message } = error;
    return code === 'invalid_input' ? message.replaceAll(/'[^]*'|[^a-z_: ]/gi, '').slice(0, 50) : `${code} ${isUtf8(body)}`;
  }
}

/** All are parsed here; the daemons get one for each kind of refusal, and every so many of the others. */
function bodiesForDaemons(): Buffer[] {
  const handlers = inertHandlers('queen');
  const kinds = new Set<string>();
  return fc.sample(hostileBodies(names), { seed, numRuns: BODIES }).filter((body, index) => {
    const kind = kindOfRefusal(body, handlers);
    const isNew = kind !== undefined && !kinds.has(kind);
    if (isNew) kinds.add(kind);
    return isNew || index % EVERY === 0;
  });
}

const unfinished = [
  `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(500)}`,
  `POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"operation":`,
  `POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{`,
];

const jobId =
  /^\{"job_id":"job-[0-9a-f-]{36}","sse_url":"\/v1\/jobs\/job-[0-9a-f-]{36}\/stream","correlation_id":"[0-9a-f]{32}"\}$/;

/** Made to keep a daemon busy: each is refused at once, and no refusal is larger than what it refuses. */
const largeBodies: [ErrorCode, string][] = [
  ['invalid_json', '['.repeat(4_000_000)],
  ['invalid_json', `{"operation":"infer","json_schema":${'{"a":'.repeat(800_000)}`],
  ['invalid_json', '"'.concat('\\"'.repeat(2_000_000))],
  ['invalid_json', '\0'.repeat(4_000_000)],
  ['invalid_input', `{"operation":"infer","messages":[${'{},'.repeat(1_300_000)}{}]}`],
  ['invalid_input', `{"operation":"infer","messages":[${'{},'.repeat(9_999)}{}]}`],
  ['invalid_input', `{"operation":"infer","prompt":"x","stop":[${'1,'.repeat(1_900_000)}1]}`],
  ['invalid_input', `{"operation":"infer","prompt":"x","json_schema":{"${'k'.repeat(4_000_000)}":1e999}}`],
  ['invalid_input', `{"operation":"infer","prompt":"x","json_schema":{"a":[${'1e999,'.repeat(650_000)}1]}}`],
  ['invalid_input', `{"operation":"infer","prompt":"x","max_tokens":${'9'.repeat(4_000_000)}}`],
  [
    'invalid_input',
    `{"operation":"infer","prompt":"x",${Array.from({ length: 200_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
  ],
  ['unknown_operation', JSON.stringify({ operation: 'x'.repeat(4_000_000) })],
];

export function bodies(): void {
  let sent: Buffer[];
  /** Connections that send a byte now and then during the other tests of this suite, and never complete a request. */
  let slow: Promise<void>[];
  beforeAll(async () => {
    sent = bodiesForDaemons();
    slow = (['queen', 'hive', 'worker'] as const).flatMap((role) =>
      Array.from({ length: 60 }, (_, index) =>
        dripping(daemons[role].port, unfinished[index % unfinished.length] ?? '', { everyMs: 700 }),
      ),
    );
  });

  describe.each(['queen', 'hive', 'worker'] as const)('a %s', (role) => {
    test('answers every body with a job or with the error that the contract defines, and its memory does not grow', async () => {
      const daemon = daemons[role];
      const handlers = inertHandlers(role);
      await using inert = await startTestDaemon({ role, handlers });
      await using real = poster(daemon.url);
      await using harmless = poster(inert.url);

      const check = async (body: Buffer) => {
        const expected = atTheDoor(body, role, handlers);
        const isReal = 'code' in expected || HARMLESS.has(expected.operation);
        const { status, text } = await (isReal ? real : harmless).post('/v1/jobs', body);
        if ('code' in expected) return assert.equal(refusalCode(status, text), expected.code, text);
        assert.equal(status, 200, text);
        assert.match(text, jobId);
      };
      await inBatches(sent.slice(0, WARM_UP), check);
      const before = residentMb(daemon);
      await inBatches(sent, check);

      await expectSameProcess(daemon);
      const bound = before + GROWTH_MB;
      expect(await settledMb(daemon, bound)).toBeLessThan(bound);
    });
  });

  test('a hive accepts a valid heartbeat, and refuses every other body', async () => {
    await using hive = poster(daemons.hive.url);
    await inBatches(fc.sample(hostileHeartbeats(), { seed, numRuns: HEARTBEATS }), async (body) => {
      const { status, text } = await hive.post('/v1/worker-heartbeat', body);
      if (isHeartbeat(body)) assert.deepEqual({ status, text }, { status: 200, text: '{"ok":true}' });
      else assert(['invalid_input', 'invalid_json'].includes(refusalCode(status, text)), text);
    });
  });

  test.each(['queen', 'hive', 'worker'] as const)(
    'a %s refuses large bodies with little work, and releases their memory',
    async (role) => {
      await using target = poster(daemons[role].url);
      const sendAll = async () => {
        for (const [code, body] of largeBodies) {
          const cpuBefore = cpuSeconds(daemons[role]);
          const { status, text } = await target.post('/v1/jobs', Buffer.from(body));
          expect(refusalCode(status, text), body.slice(0, 60)).toBe(code);
          expect(cpuSeconds(daemons[role]) - cpuBefore, body.slice(0, 60)).toBeLessThan(4);
        }
      };
      await sendAll();
      const before = residentMb(daemons[role]);
      for (let round = 0; round < LARGE_ROUNDS; round += 1) await sendAll();
      await expectSameProcess(daemons[role]);
      const bound = before + GROWTH_AFTER_LARGE_MB;
      expect(await settledMb(daemons[role], bound)).toBeLessThan(bound);
    },
  );

  test.each(['queen', 'hive', 'worker'] as const)('a %s does not read a body over the limit', async (role) => {
    await using target = poster(daemons[role].url);
    const before = residentMb(daemons[role]);
    for (const body of [JSON.stringify({ operation: 'infer', prompt: 'x'.repeat(10_000_000) }), '['.repeat(10_000_000)]) {
      // It may close the connection while the rest is still being sent, and then the sender sees no answer.
      const answer = await target.post('/v1/jobs', Buffer.from(body)).catch((cause: NodeJS.ErrnoException) => cause.code);
      if (typeof answer === 'object') expect(refusalCode(answer.status, answer.text)).toBe('body_too_large');
      else expect(['EPIPE', 'ECONNRESET', 'UND_ERR_SOCKET']).toContain(answer);
    }
    await expectSameProcess(daemons[role]);
    expect(residentMb(daemons[role]) - before).toBeLessThan(GROWTH_MB);
  });

  test('a client that never completes a request is disconnected, and delays no other', async () => {
    await Promise.all(slow);
    for (const role of ['queen', 'hive', 'worker'] as const) await expectSameProcess(daemons[role]);
  });

  test('a body over the limit is reported as too large, not as an unreachable queen', async () => {
    const queen: Peer = { role: 'queen', name: 'queen', host: '127.0.0.1', port: daemons.queen.port };
    // Often enough: the refusal is lost only when the connection is closed while the rest is still on its way.
    for (let tries = 0; tries < 10; tries += 1) {
      const posted = postJob(queen, { operation: 'infer', input: { prompt: 'x'.repeat(10_000_000) }, correlationId: 'large' });
      await expect(posted).rejects.toMatchObject({ code: 'body_too_large' });
    }
  });

  test('a body that is not UTF-8 is refused, not converted', async () => {
    const body = Buffer.concat([Buffer.from('{"operation":"hive_get","hive_id":"'), Buffer.of(0xff, 0xc3), Buffer.from('"}')]);
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${daemons.queen.url}/v1/jobs`, { method: 'POST', headers, body });
    expect(refusalCode(answer.status, await answer.text())).toBe('invalid_json');
  });
}

async function inBatches(all: readonly Buffer[], check: (body: Buffer) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += BATCH) {
    await Promise.all(
      all.slice(at, at + BATCH).map(async (body) => {
        await check(body).catch((cause: unknown) => {
          throw new Error(
            `with seed ${seed}, the body ${JSON.stringify(body.toString('latin1').slice(0, 2_000))}: ${String(cause)}`,
            { cause },
          );
        });
      }),
    );
  }
}

function isHeartbeat(body: Buffer): boolean {
  try {
    return isUtf8(body) && workerHeartbeat.safeParse(JSON.parse(body.toString())).success;
  } catch {
    return false;
  }
}
