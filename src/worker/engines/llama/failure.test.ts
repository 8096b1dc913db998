import type { CustomBatchingPrioritizationStrategy } from 'node-llama-cpp';
import { expect, test } from 'vitest';
import { openBackend } from './backend.ts';
import { chatFormatOf } from './chat-format.ts';
import { JobError } from '../../../contract/index.ts';
import { Embedder } from './embedder.ts';
import { EngineLog } from './engine-log.ts';
import { answer, collect, firstPiece, loadTiny, never, request } from './fixtures/engine.ts';
import { tinyModel } from './fixtures/gguf.ts';
import { LlamaEngine } from './llama-engine.ts';
import { importLlama } from './llama-module.ts';
import { inSlotOrder } from './slot.ts';

/** The real engine, on a context whose batches can be made to fail. */
async function fragileEngine() {
  const fault: { error: Error | undefined } = { error: undefined };
  const faulty: CustomBatchingPrioritizationStrategy = (batch) => {
    if (fault.error) throw fault.error;
    return inSlotOrder(batch);
  };
  const log = new EngineLog();
  const module = await importLlama('');
  const llama = await openBackend(module, { worker: 'cpu', threads: 1, log });
  const model = await llama.loadModel({ modelPath: tinyModel, gpuLayers: 0 });
  const batching = { itemPrioritizationStrategy: faulty };
  const context = await model.createContext({ contextSize: 512, sequences: 4, batchSize: 128, flashAttention: false, batching });
  const parts = {
    module,
    llama,
    model,
    context,
    log,
    format: await chatFormatOf(model),
    embedder: new Embedder({
      model,
      contextSize: 512,
      threads: 1,
      checkMemory: async () => undefined,
      onFailure: (cause) => new JobError('engine_failed', String(cause), { cause }),
    }),
    contextSize: 512,
    chunkSize: 128,
    onSlotsChange: () => undefined,
  };
  return { engine: new LlamaEngine(parts), context, fault, log };
}

test('a failing step fails its requests with the last errors of the engine, and later requests work', async () => {
  const { engine, fault, log } = await fragileEngine();
  const running = ['Tell me a story', 'Tell me a joke'].map((question) => engine.generate(request(question), never));
  await Promise.all(running.map((generation) => firstPiece(generation)));
  log.record(true, 'ggml_abort: out of honey');
  fault.error = new TypeError('Eval has failed');
  for (const generation of running) {
    await expect(collect(generation)).rejects.toMatchObject({
      code: 'engine_failed',
      message: 'The engine failed: Eval has failed: ggml_abort: out of honey',
    });
  }
  fault.error = undefined;
  expect(engine.slotsUsed).toBe(0);
  const answers = await Promise.all(Array.from({ length: 4 }, () => answer(engine, 'What is 2 + 3?')));
  expect(answers.map(({ text }) => text)).toEqual(Array(4).fill('2 plus 3 is 5.'));
  await engine.close();
});

test('when the engine cannot continue, running, waiting and later requests fail with engine_failed', async () => {
  const { engine, context } = await fragileEngine();
  const requests = Array.from({ length: 6 }, () => engine.generate(request('Tell me a story'), never));
  const running = requests.map((each) => collect(each));
  const failed = running.map((each) => expect(each).rejects.toMatchObject({ code: 'engine_failed' }));
  await expect.poll(() => engine.tokensGenerated, { interval: 1 }).toBeGreaterThan(4);
  await context.dispose();
  await Promise.all(failed);
  await expect(answer(engine, 'Hello')).rejects.toMatchObject({
    code: 'engine_failed',
    message: expect.stringMatching(/^The engine cannot continue: .*Restart the worker\.$/) as string,
  });
  expect(engine.slotsUsed).toBe(0);
  await engine.close();
});

test('closing fails running and waiting requests, frees everything, and may be done twice', async () => {
  const engine = await loadTiny({ slots: 1 });
  const running = engine.generate(request('Tell me a story'), never);
  await firstPiece(running);
  const waiting = collect(engine.generate(request('Tell me a joke'), never));
  const stopping = { code: 'engine_failed', message: 'The worker is stopping' };
  const ended = [expect(collect(running)).rejects.toMatchObject(stopping), expect(waiting).rejects.toMatchObject(stopping)];
  await Promise.all([engine.close(), engine.close(), ...ended]);
  expect(engine.slotsUsed).toBe(0);
  await expect(answer(engine, 'Hello')).rejects.toMatchObject(stopping);
});

test('a request that is prepared while the engine closes fails with engine_failed, whatever it is prepared with', async () => {
  const engine = await loadTiny();
  const options = { raw: { tokens: [1, 2, 3] }, jsonSchema: { type: 'object' } };
  const preparing = [answer(engine, [], options), answer(engine, 'Hello'), engine.countTokens(request('Hello'), never)];
  const stopping = { code: 'engine_failed', message: 'The worker is stopping' };
  const ended = preparing.map((each) => expect(each).rejects.toMatchObject(stopping));
  await Promise.all([engine.close(), ...ended]);
  await expect(engine.countTokens(request('Hello'), never)).rejects.toMatchObject(stopping);
});
