import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Model, Worker } from '../src/contract/index.ts';
import { TestHub } from '../src/hive/models/testing/hub-server.ts';
import { splitModel } from '../src/hive/models/testing/split-model.ts';
import { TINY_FILE } from '../src/hive/models/testing/test-store.ts';
import { testSwarm, type Swarm } from './support/swarm.ts';

const json = { 'content-type': 'application/json' };
const MODEL = 'Acme/Bee-GGUF:Q8_0';
const parts = splitModel(TINY_FILE, 3);

let hub: TestHub;
let swarm: Swarm;
beforeAll(async () => {
  hub = await TestHub.start();
  hub.put(
    'Acme/Bee-GGUF',
    Object.fromEntries(parts.map((part, index) => [`Q8_0/Bee-Q8_0-0000${index + 1}-of-00003.gguf`, part])),
  );
  swarm = await testSwarm({ env: { HF_ENDPOINT: hub.url, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' } });
});
afterAll(async () => {
  await swarm[Symbol.asyncDispose]();
  await hub[Symbol.asyncDispose]();
});

const answerOf = async (model: string): Promise<string> =>
  (
    await swarm.result<{ text: string }>([
      'infer',
      'What does a bee do?',
      '--model',
      model,
      '--temperature',
      '0',
      '--max-tokens',
      '8',
    ])
  ).text;

test('a model in three parts is downloaded by its name on the Hub, and answers like the same model in one file', async () => {
  const refused = await swarm.rbee(['infer', 'hello', '--model', 'acme/bee-gguf', '-q']);
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('rbee pull acme/bee-gguf') as string });
  const model = await swarm.result<Model>(['model', 'download', 'acme/bee-gguf']);
  expect(model).toMatchObject({ model: MODEL, size_bytes: parts.reduce((sum, { length }) => sum + length, 0) });
  const tiny = await swarm.result<Model>(['model', 'get', 'tiny']);
  expect(model.details).toMatchObject({ ...tiny.details });
  expect(model.memory?.kv_bytes_per_token).toBe(tiny.memory?.kv_bytes_per_token);
  expect(Math.abs((model.memory?.weights_bytes ?? 0) - (tiny.memory?.weights_bytes ?? 0))).toBeLessThan(10_000);

  expect(await answerOf('acme/bee-gguf')).toBe(await answerOf('tiny'));
  const workers = await swarm.result<{ workers: Worker[] }>(['worker', 'list']);
  expect(workers.workers.map((worker) => worker.model).toSorted()).toEqual([MODEL, 'tiny']);
  expect(workers.workers.map((worker) => worker.tool_form)).toEqual(['generic', 'generic']);
});

test('a model of the Hub that is not here is not found in all APIs, with the command that pulls it', async () => {
  const messages = [{ role: 'user', content: 'hi' }];
  for (const path of ['/v1/chat/completions', '/v1/messages', '/api/chat']) {
    const body = JSON.stringify({ model: 'acme/none:Q8_0', messages, max_tokens: 2 });
    const answer = await fetch(`${swarm.queenUrl}${path}`, { method: 'POST', headers: json, body });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('rbee pull acme/none:Q8_0');
  }
});

test('a model of the Hub is pulled through the API of Ollama under the sha256 of its file', async () => {
  const file = readFileSync(TINY_FILE);
  hub.put('Acme/Wasp-GGUF', { 'Wasp-Q8_0.gguf': file });
  const sha256 = createHash('sha256').update(file).digest('hex');
  const pull = async (model: string) => {
    const body = JSON.stringify({ model });
    const answer = await fetch(`${swarm.queenUrl}/api/pull`, { method: 'POST', headers: json, body });
    const lines = (await answer.text()).trimEnd().split('\n');
    return { status: answer.status, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };
  const { lines } = await pull('hf.co/acme/wasp-gguf:Q8_0');
  expect(lines.at(0)).toEqual({ status: 'pulling manifest' });
  const layer = { status: `pulling ${sha256.slice(0, 12)}`, digest: `sha256:${sha256}`, total: file.length };
  expect(lines.at(-3)).toEqual({ ...layer, completed: file.length });
  expect(lines.slice(-2)).toEqual([{ status: 'verifying sha256 digest' }, { status: 'success' }]);
  expect(await swarm.result<Model>(['model', 'get', 'acme/wasp-gguf'])).toMatchObject({ model: 'Acme/Wasp-GGUF:Q8_0', sha256 });
  expect(await pull('acme/none')).toMatchObject({ status: 404 });
  await swarm.result(['model', 'delete', 'Acme/Wasp-GGUF:Q8_0']);
});

test('a canonical name is a name in the APIs, for aliases and for workers', async () => {
  const listed = (await (await fetch(`${swarm.queenUrl}/v1/models`)).json()) as { data: { id: string }[] };
  expect(listed.data.map(({ id }) => id)).toContain(MODEL);
  const shown = await fetch(`${swarm.queenUrl}/v1/models/${encodeURIComponent(MODEL)}`);
  expect(await shown.json()).toMatchObject({ id: MODEL });
  await swarm.result(['model', 'alias', 'gpt-4o', MODEL]);
  const chat = await fetch(`${swarm.queenUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }], max_tokens: 2 }),
  });
  expect(chat.status).toBe(200);
  const { stdout } = await swarm.rbee(['infer', 'hello', '--model', MODEL, '--dry-run', '-q']);
  expect(stdout).toContain('localhost');
});

test('a loaded model is not deleted, and a part that is gone is named', async () => {
  const refused = await swarm.rbee(['model', 'delete', MODEL, '-q']);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('loaded') as string });
  const { path } = await swarm.result<Model>(['model', 'get', MODEL]);
  const second = path.replace('00001-of', '00002-of');
  expect(readFileSync(second).equals(parts[1] ?? Buffer.alloc(0))).toBe(true);
  rmSync(second);
  const missing = await swarm.rbee(['model', 'get', MODEL, '-q']);
  expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining('00002-of-00003.gguf') as string });
  await swarm.result([
    'worker',
    'delete',
    (await swarm.result<{ workers: Worker[] }>(['worker', 'list'])).workers.find(({ model }) => model === MODEL)?.worker_id ?? '',
  ]);
  await swarm.result(['model', 'delete', MODEL]);
  const { models } = await swarm.result<{ models: Model[] }>(['model', 'list']);
  expect(models.map(({ model }) => model)).toEqual(['tiny']);
});
