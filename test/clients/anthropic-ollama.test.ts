import Anthropic from '@anthropic-ai/sdk';
import { createAnthropic } from '@ai-sdk/anthropic';
import { generateText, streamText } from 'ai';
import { Ollama, type ShowRequest } from 'ollama';
import { createOllama } from 'ollama-ai-provider-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testSwarm, type Swarm } from '../support/swarm.ts';
import { until } from '../support/until.ts';

const ANSWER = 'A bee flies from flower to flower, makes honey and lives in a hive with its sisters.';
const ask = [{ role: 'user' as const, content: 'What does a bee do?' }];

async function all<Part>(parts: AsyncIterable<Part>): Promise<Part[]> {
  const found: Part[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

let swarm: Swarm;
let anthropic: Anthropic;
let ollama: Ollama;

beforeAll(async () => {
  swarm = await testSwarm();
  await swarm.result(['queen', 'start']);
  await swarm.result(['model', 'alias', 'claude-haiku-4-5', 'tiny']);
  anthropic = new Anthropic({ baseURL: swarm.queenUrl, apiKey: 'any', maxRetries: 0 });
  ollama = new Ollama({ host: swarm.queenUrl });
  // Starts the hive.
  await ollama.list();
});
afterAll(async () => {
  await swarm[Symbol.asyncDispose]();
});

describe("Anthropic's client", () => {
  const question = { model: 'claude-haiku-4-5', max_tokens: 500, temperature: 0, messages: ask };

  test('gets a message in one piece, under the name that it has asked for', async () => {
    const message = await anthropic.messages.create(question);
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'claude-haiku-4-5',
      content: [{ type: 'text', text: ANSWER }],
      stop_reason: 'end_turn',
      stop_sequence: null,
    });
    expect(message.id).toMatch(/^msg_/);
    const { input_tokens, cache_read_input_tokens, output_tokens } = message.usage;
    expect(input_tokens + (cache_read_input_tokens ?? 0)).toBeGreaterThan(5);
    expect(output_tokens).toBeGreaterThan(5);
  });

  test('gets a message as a stream, with its beta parameter too', async () => {
    const pieces: string[] = [];
    // Claude Code always asks for so many.
    const stream = anthropic.messages.stream({ ...question, max_tokens: 32_000 }).on('text', (piece) => pieces.push(piece));
    expect(await stream.finalMessage()).toMatchObject({ content: [{ type: 'text', text: ANSWER }], stop_reason: 'end_turn' });
    expect(pieces.join('')).toBe(ANSWER);
    const beta = anthropic.beta.messages.stream({ ...question, betas: ['context-management-2025-06-27'] });
    expect(await beta.finalText()).toBe(ANSWER);
  });

  test('gets the call of a tool that it has forced, in one piece and as a stream', async () => {
    const input_schema = { type: 'object' as const, properties: { sunny: { type: 'boolean' } }, required: ['sunny'] };
    const calling = {
      ...question,
      tools: [{ name: 'weather', description: 'Weather of a town', input_schema }],
      tool_choice: { type: 'tool' as const, name: 'weather', disable_parallel_tool_use: true },
    };
    const sunny = expect.any(Boolean) as boolean;
    const id = expect.stringMatching(/^toolu_/) as string;
    const called = { content: [{ type: 'tool_use', id, name: 'weather', input: { sunny } }], stop_reason: 'tool_use' };
    expect(await anthropic.messages.create(calling)).toMatchObject(called);
    expect(await anthropic.messages.stream(calling).finalMessage()).toMatchObject(called);
  });

  test('counts the tokens of a message, as the message itself does', async () => {
    const { model, messages } = question;
    const { input_tokens } = await anthropic.messages.countTokens({ model, messages });
    const { usage } = await anthropic.messages.create(question);
    expect(input_tokens).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
  });

  test('gets errors of its own classes', async () => {
    const wrong = { ...question, model: 'nothing' };
    await expect(anthropic.messages.create(wrong)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    const image = { type: 'image' as const, source: { type: 'url' as const, url: 'http://127.0.0.1/a.png' } };
    const seeing = { ...question, messages: [{ role: 'user' as const, content: [image] }] };
    await expect(anthropic.messages.create(seeing)).rejects.toBeInstanceOf(Anthropic.BadRequestError);
    const long = { ...question, messages: [{ role: 'user' as const, content: 'bee '.repeat(20_000) }] };
    await expect(anthropic.messages.create(long)).rejects.toThrow(/prompt is too long: .*\d+ tokens > \d+ maximum/);
  });

  test('is served through the AI SDK', async () => {
    const model = createAnthropic({ baseURL: `${swarm.queenUrl}/v1`, apiKey: 'any' })('tiny');
    expect((await generateText({ model, messages: ask, temperature: 0 })).text).toBe(ANSWER);
    const { textStream } = streamText({ model, messages: ask, temperature: 0 });
    expect((await all(textStream)).join('')).toBe(ANSWER);
  });
});

describe("Ollama's client", () => {
  const question = { model: 'tiny:latest', messages: ask, options: { temperature: 0 } };
  const loaded = async () => (await ollama.ps()).models.map(({ name }) => name);

  test('chats, in one piece and as a stream', async () => {
    const whole = await ollama.chat({ ...question, stream: false });
    expect(whole).toMatchObject({ model: 'tiny:latest', message: { content: ANSWER }, done: true, done_reason: 'stop' });
    expect(whole.prompt_eval_count).toBeGreaterThan(5);
    expect(whole.eval_duration).toBeGreaterThan(0);
    const parts = await all(await ollama.chat({ ...question, stream: true }));
    expect(parts.map(({ message }) => message.content).join('')).toBe(ANSWER);
    expect(parts.map(({ done }) => done)).toEqual([...parts.slice(1).map(() => false), true]);
  });

  test('generates from a prompt', async () => {
    const { response } = await ollama.generate({ model: 'tiny', prompt: 'What does a bee do?', options: { temperature: 0 } });
    expect(response).toBe(ANSWER);
  });

  test('gets unit vectors of texts', async () => {
    const { embeddings, prompt_eval_count } = await ollama.embed({ model: 'tiny', input: ['A bee flies.', 'It is night.'] });
    expect(embeddings.map((vector) => Math.hypot(...vector))).toEqual([expect.closeTo(1, 4), expect.closeTo(1, 4)]);
    expect(prompt_eval_count).toBeGreaterThan(4);
    const { embedding } = await ollama.embeddings({ model: 'tiny', prompt: 'A bee flies.' });
    for (const [index, value] of embedding.entries()) expect(value).toBeCloseTo(embeddings[0]?.[index] ?? 2, 4);
  });

  test('lists the models and the aliases, shows one, and knows the version', async () => {
    const { models } = await ollama.list();
    expect(models.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['tiny:latest', 'claude-haiku-4-5:latest']) as string[],
    );
    expect(models[0]).toMatchObject({ digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string, details: { format: 'gguf' } });
    const details = { format: 'gguf', family: 'llama', parameter_size: '1.75M', quantization_level: 'Q8_0' };
    const known = { details, capabilities: ['completion'] };
    expect(models).toMatchObject(models.map(() => known));
    const shown = await ollama.show({ model: 'claude-haiku-4-5' });
    const info = { 'general.architecture': 'llama', 'general.parameter_count': 1_752_800, 'llama.embedding_length': 160 };
    expect(shown).toMatchObject({ ...known, license: 'cc0-1.0', model_info: info });
    expect(shown.template).toContain('<|im_start|>');
    expect(shown.model_info).not.toHaveProperty(['tokenizer.ggml.tokens']);
    const verbose = (await ollama.show({ model: 'tiny', verbose: true } as ShowRequest)) as { model_info: object };
    expect(verbose.model_info).toHaveProperty(['tokenizer.ggml.tokens', 'length'], 1024);
    await expect(ollama.show({ model: 'nothing' })).rejects.toMatchObject({ status_code: 404 });
    expect(await ollama.version()).toEqual({ version: '0.13.0' });
    expect(await (await fetch(swarm.queenUrl)).text()).toBe('Ollama is running');
    expect((await fetch(swarm.queenUrl, { method: 'HEAD' })).status).toBe(200);
  });

  test('copies a model to another name, and deletes that name alone', async () => {
    await ollama.copy({ source: 'tiny', destination: 'mine' });
    expect((await ollama.chat({ ...question, model: 'mine' })).message.content).toBe(ANSWER);
    await ollama.delete({ model: 'mine' });
    await expect(ollama.chat({ ...question, model: 'mine' })).rejects.toThrow(/not found/);
    expect((await ollama.chat(question)).message.content).toBe(ANSWER);
  });

  test('pulls a model that is there, and not one that no one knows', async () => {
    expect(await ollama.pull({ model: 'tiny' })).toEqual({ status: 'success' });
    await expect(ollama.pull({ model: 'nothing' })).rejects.toThrow(/not found/);
    await expect(ollama.push({ model: 'tiny' })).rejects.toMatchObject({ status_code: 501 });
  });

  test('a context that no worker can have is refused with both numbers', async () => {
    const options = { num_ctx: 1_000_000 };
    await expect(ollama.chat({ ...question, options })).rejects.toThrow(
      /holds at most \d+ tokens, and the request needs 1000000/,
    );
  });

  test('is served through the provider of the AI SDK', async () => {
    const model = createOllama({ baseURL: `${swarm.queenUrl}/api` })('tiny');
    expect((await generateText({ model, messages: ask, temperature: 0 })).text).toBe(ANSWER);
    const { textStream } = streamText({ model, messages: ask, temperature: 0 });
    expect((await all(textStream)).join('')).toBe(ANSWER);
  });

  test('a model is loaded and unloaded by requests without a prompt, and after keep_alive', async () => {
    const load = (keep_alive: number | string) => ollama.generate({ model: 'tiny', prompt: '', keep_alive, stream: false });
    expect(await load('10m')).toMatchObject({ done: true, done_reason: 'load', response: '' });
    expect((await ollama.ps()).models).toMatchObject([{ name: 'tiny:latest', size_vram: 0 }]);
    expect(await load(0)).toMatchObject({ done_reason: 'unload' });
    await until(async () => (await loaded()).length === 0);
    expect(await load(0)).toMatchObject({ done_reason: 'unload' });
    expect((await ollama.chat({ ...question, keep_alive: '1s' })).message.content).toBe(ANSWER);
    await until(async () => (await loaded()).length === 0);
  });
});
