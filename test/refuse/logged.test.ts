import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operations, type OperationName } from '../../src/contract/index.ts';
import { run } from '../support/streams.ts';
import { poster, type Poster } from './poster.ts';
import { threeDaemons, type ThreeDaemons } from './three-daemons.ts';

/** In everything that is asked here, and in no file below `state`. */
const MARKER = 'Nectar-of-a-request';

/**
 * Names of things, which logs may hold: with the marker they are sent in the wrong type or with characters that no name has.
 * Nothing of that kind is reached, so nothing is narrated of it.
 */
const names = new Set(['hive_id', 'worker_id', 'host', 'hosts', 'ssh_host', 'ssh_user', 'name', 'device']);
const wrongTypes = [{ [MARKER]: MARKER }, [[MARKER]], `${MARKER}\n${'x'.repeat(2_000)}`];

let daemons: ThreeDaemons;
beforeAll(async () => {
  daemons = await threeDaemons({ RBEE_LOG: 'trace' });
});
afterAll(() => daemons[Symbol.asyncDispose]());

function post(to: Poster, body: string, path = '/v1/jobs') {
  return to.post(path, Buffer.from(body), { 'content-type': 'application/json', 'x-marker': MARKER });
}

const accepted: [string, object][] = [
  ['a prompt', { prompt: MARKER, max_tokens: 2 }],
  [
    'messages',
    {
      messages: [
        { role: 'system', content: MARKER },
        { role: 'user', content: MARKER },
      ],
      max_tokens: 2,
    },
  ],
  ['a conversation that the template may refuse', { messages: [{ role: 'assistant', content: MARKER }], max_tokens: 2 }],
  ['stop strings', { prompt: 'x', stop: [MARKER], max_tokens: 2 }],
  ['a schema', { prompt: 'x', json_schema: { type: 'object', properties: { [MARKER]: { const: MARKER } } }, max_tokens: 4 }],
  ['a schema of no type', { prompt: 'x', json_schema: { type: MARKER }, max_tokens: 2 }],
  ['a schema that refers to nothing', { prompt: 'x', json_schema: { $ref: `#/$defs/${MARKER}` }, max_tokens: 2 }],
  ['a schema with a pattern', { prompt: 'x', json_schema: { type: 'string', pattern: `(${MARKER}` }, max_tokens: 2 }],
  ['a prompt that does not fit', { prompt: `${MARKER} `.repeat(3_000), max_tokens: 2 }],
];

test.each(accepted)('infer with %s is logged without its content', async (_what, input) => {
  const { text, last } = await run(daemons.swarm, 'infer', input);
  expect(['result', 'failed']).toContain(last.kind);
  expect(text.length).toBeLessThan(1_000);
});

test('a missing model, its address and its path are refused and not logged', async () => {
  for (const model of [MARKER, `/nowhere/${MARKER}.gguf`, `https://${MARKER}.invalid/x?token=${MARKER}`]) {
    for (const operation of ['infer', 'explain', 'worker_spawn', 'model_get', 'model_delete'] as const) {
      const prompt = operation === 'infer' || operation === 'explain' ? { prompt: MARKER } : {};
      const { last } = await run(daemons.swarm, operation, { model, ...prompt });
      expect(last.kind).toBe(operation === 'explain' ? 'result' : 'failed');
    }
  }
  const url = `http://${MARKER}:${MARKER}@127.0.0.1:1/m.gguf?token=${MARKER}`;
  expect((await run(daemons.swarm, 'model_download', { model: url })).last.kind).toBe('failed');
});

test('wrong values in every field of every operation are refused and not logged', async () => {
  for (const { url } of [daemons.queen, daemons.hive, daemons.worker]) {
    await using to = poster(url);
    for (const name of Object.keys(operations) as OperationName[]) {
      const fields = [...Object.keys(operations[name].input.shape), MARKER, 'on_disconnect', 'operation'];
      for (const field of fields) {
        const values = names.has(field) || field === 'model' ? wrongTypes : [...wrongTypes, MARKER];
        for (const value of values.map((each) => (field === 'model' && typeof each === 'string' ? [each] : each))) {
          // The marker as a prompt alone is a request that is served.
          if (field === 'prompt' && typeof value === 'string') continue;
          await post(to, JSON.stringify({ operation: name, [field]: value }));
        }
      }
    }
    for (const body of [MARKER, `{"operation":"infer","prompt":"${MARKER}`, `[${MARKER}]`, `{"operation":"${MARKER}"}`]) {
      await post(to, body);
      await post(to, body, `/v1/worker-heartbeat?${MARKER}`);
      await post(to, body, `/${MARKER}`);
    }
  }
});

test('no log, pidfile or other file below state contains anything of a request', async () => {
  const logs = ['queen', 'hive'].map((name) => join(daemons.swarm.home, `state/logs/${name}.log`));
  for (const log of logs) expect(await readFile(log, 'utf8')).toContain('"level":"debug"');
  // What was held back because it repeats is written at the end.
  expect((await daemons.swarm.rbee(['down'])).code).toBe(0);
  const files = execFileSync('find', [join(daemons.swarm.home, 'state'), '-type', 'f'], { encoding: 'utf8' })
    .trim()
    .split('\n');
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) {
    const lines = (await readFile(file, 'latin1')).split('\n');
    expect(
      lines.filter((line) => line.includes(MARKER)).map((line) => line.slice(0, 600)),
      file,
    ).toEqual([]);
  }
});
