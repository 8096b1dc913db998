import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JobError, type JobEvent, type Model, type Progress } from '../../contract/index.ts';
import { startTestDaemon, type TestDaemon } from '../../jobs/fixtures/test-daemon.ts';
import type { FleetModel } from '../common/index.ts';
import { json } from '../fixtures/test-apis.ts';
import { serveApis } from '../index.ts';
import { pull, PullStream } from './pull.ts';

const SHA256 = 'ab'.repeat(32);
const HERE = 'Acme/Bee-GGUF:Q8_0';
const modelOf = (model: string): Model => ({
  ...{ model, path: '/m/bee.gguf', size_bytes: 9, source: 'hf:x', created_at: '2026-11-28T00:00:00Z' },
});
const progress = (data: Partial<Progress>): JobEvent => ({
  kind: 'progress',
  data: { action: 'download', done: 3, total: 9, unit: 'bytes', rate: null, eta_s: null, ...data },
});
const here: FleetModel = { model: modelOf(HERE), workers: [], hiveIds: ['localhost'] };
const models = {
  list: () => [here],
  resolve: (name: string) => (name.toLowerCase().endsWith(HERE.toLowerCase()) ? HERE : name),
  header: async () => ({}),
};

/** What each download sends before its result. */
const downloads: Record<string, JobEvent[]> = {
  'hf.co/acme/wasp:Q8_0': [progress({ sha256: SHA256 }), progress({ done: 9, sha256: SHA256 })],
  'acme/parts:Q8_0': [progress({ action: 'verify' }), progress({})],
  'https://example.org/bee.gguf': [progress({ total: null })],
  'acme/here-but-not-reported': [],
};
const requested: string[] = [];
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startTestDaemon({
    role: 'queen',
    handlers: {
      model_download: async function* ({ model }) {
        requested.push(model);
        const events = downloads[model];
        if (events === undefined) throw new JobError('model_not_found', `There is no ${model} on huggingface.co`);
        yield* events;
        return modelOf(model);
      },
    },
    addRoutes: (routes) => serveApis(routes, { origins: undefined, models }),
  });
});
afterAll(() => daemon[Symbol.asyncDispose]());

async function pulled(model: string, more: object = {}): Promise<{ status: number; lines: Record<string, unknown>[] }> {
  const body = JSON.stringify({ model, ...more });
  const response = await fetch(`${daemon.url}/api/pull`, { method: 'POST', headers: json, body });
  const lines = (await response.text()).trimEnd().split('\n');
  return { status: response.status, lines: lines.map((each) => JSON.parse(each) as Record<string, unknown>) };
}

const manifest = { status: 'pulling manifest' };
const verifying = { status: 'verifying sha256 digest' };
const success = { status: 'success' };

describe('POST /api/pull', () => {
  test('sends the progress of a model of the Hub as that of a layer, under the sha256 of its file', async () => {
    const layer = { status: 'pulling abababababab', digest: `sha256:${SHA256}`, total: 9 };
    expect(await pulled('hf.co/acme/wasp:Q8_0')).toEqual({
      status: 200,
      lines: [manifest, { ...layer, completed: 3 }, { ...layer, completed: 9 }, verifying, success],
    });
  });

  test.each(['acme/parts:Q8_0', 'https://example.org/bee.gguf'])('of %s has a digest also where none is known', async (model) => {
    const { lines } = await pulled(model);
    const layer = lines.find(({ digest }) => digest !== undefined);
    expect(layer).toMatchObject({ digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string, completed: 3 });
    expect(layer?.['status']).toBe(`pulling ${String(layer?.['digest']).slice(7, 19)}`);
    expect(lines.at(-1)).toEqual(success);
  });

  test('starts with the manifest and the latest progress where a part has arrived before the answer begins', () => {
    const stream = new PullStream('acme/wasp:Q8_0');
    stream.event(progress({ sha256: SHA256 }));
    const latest = stream.event(progress({ done: 6, sha256: SHA256 }));
    expect(stream.begin()).toBe(`{"status":"pulling manifest"}\n${latest}`);
  });

  test('verifies what had arrived before, and then continues', async () => {
    const { lines } = await pulled('acme/parts:Q8_0');
    expect(lines.map(({ status }) => String(status).replace(/[0-9a-f]{12}/, '…'))).toEqual([
      ...['pulling manifest', 'verifying sha256 digest', 'pulling …', 'verifying sha256 digest', 'success'],
    ]);
  });

  test('succeeds at once where nothing has to be fetched', async () => {
    const before = requested.length;
    for (const name of [HERE, 'acme/bee-gguf:q8_0', `hf.co/${HERE}`])
      expect(await pulled(name)).toEqual({ status: 200, lines: [success] });
    expect(requested).toHaveLength(before);
    expect((await pulled('acme/here-but-not-reported')).lines).toEqual([manifest, success]);
    expect(await pulled('hf.co/acme/wasp:Q8_0', { stream: false })).toEqual({ status: 200, lines: [success] });
  });

  test.each([true, false])('of what the Hub does not have is 404 (stream: %s)', async (stream) => {
    const { status, lines } = await pulled('acme/none', { stream });
    expect({ status, lines }).toEqual({
      status: 404,
      lines: [{ error: expect.stringContaining('There is no acme/none on huggingface.co') as string }],
    });
  });

  test.each(['qwen3:8b', 'qwen3', 'registry.ollama.ai/library/qwen3:8b', '/m/bee.gguf', './bee.gguf', 'file:///m/bee.gguf'])(
    "of '%s' is 404 with what works, and downloads nothing",
    async (name) => {
      const before = requested.length;
      const { status, lines } = await pulled(name);
      expect(status).toBe(404);
      expect(lines).toEqual([
        { error: expect.stringMatching(/not found.*pull org\/repo:QUANT of the Hugging Face Hub/) as string },
      ]);
      expect(requested).toHaveLength(before);
    },
  );
});

describe('for a caller on another machine', () => {
  const ask = (model: string) => {
    const ran: unknown[] = [];
    const request = { ip: '192.0.2.7', body: JSON.stringify({ model }) } as unknown as Parameters<ReturnType<typeof pull>>[0];
    const run = (async ({ inputs }: { inputs: unknown[] }) => void ran.push(...inputs)) as Parameters<ReturnType<typeof pull>>[1];
    return { answer: () => pull(models)(request, run), ran };
  };

  test.each(['acme/wasp:Q8_0', 'acme/wasp/wasp-Q8_0.gguf', 'https://example.org/bee.gguf'])('%s is downloaded', async (model) => {
    const { answer, ran } = ask(model);
    await answer();
    expect(ran).toEqual([{ model }]);
  });

  test.each(['/m/bee.gguf', '~/bee.gguf', 'm/bee.gguf', 'file:///m/bee.gguf'])('the path %s is refused', (model) => {
    const { answer, ran } = ask(model);
    expect(answer).toThrow(expect.objectContaining({ code: 'model_not_found' }) as Error);
    expect(ran).toEqual([]);
  });
});
