import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateObject, generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { ask } from '../support/streams.ts';
import { testSwarm, type Swarm } from '../support/swarm.ts';
import { until } from '../support/until.ts';

const ANSWER = 'A bee flies from flower to flower, makes honey and lives in a hive with its sisters.';
const question = { model: 'tiny', messages: [{ role: 'user' as const, content: 'What does a bee do?' }], temperature: 0 };
const story = { model: 'tiny', messages: [{ role: 'user' as const, content: 'Tell me a story' }] };
/** Runs to the end of the context. */
const endless = {
  ...question,
  response_format: {
    type: 'json_schema' as const,
    json_schema: { name: 'flags', strict: true, schema: { type: 'array', items: { type: 'boolean' }, minItems: 600 } },
  },
};

let swarm: Swarm;
let client: OpenAI;
/** Listed before a hive has run. */
let firstModels: OpenAI.Model[];

beforeAll(async () => {
  swarm = await testSwarm();
  await swarm.result(['queen', 'start']);
  client = new OpenAI({ baseURL: `${swarm.queenUrl}/v1`, apiKey: 'any', maxRetries: 0 });
  ({ data: firstModels } = await client.models.list());
  await swarm.result(['infer', 'What does a bee do?']);
});
afterAll(async () => {
  await swarm[Symbol.asyncDispose]();
});

async function slotsUsed(): Promise<number> {
  const { workers } = await ask(swarm, 'worker_list');
  return workers.reduce((sum, { slots_used }) => sum + slots_used, 0);
}

describe('the client of OpenAI', () => {
  test('gets a chat completion in one piece', async () => {
    const { data, response, request_id } = await client.chat.completions.create(question).withResponse();
    expect(data.choices).toMatchObject([{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }]);
    expect(data.usage?.total_tokens).toBe((data.usage?.prompt_tokens ?? 0) + (data.usage?.completion_tokens ?? 0));
    expect(data.usage?.prompt_tokens).toBeGreaterThan(0);
    expect(request_id).toBe(response.headers.get('x-request-id'));
    expect(request_id).toMatch(/^req_/);
  });

  test('gets a chat completion as a stream, with the usage last', async () => {
    const stream = client.chat.completions.stream({ ...question, stream_options: { include_usage: true } });
    const pieces: string[] = [];
    stream.on('content', (piece) => pieces.push(piece));
    const { choices, usage } = await stream.finalChatCompletion();
    expect(pieces.length).toBeGreaterThan(3);
    expect(choices).toMatchObject([{ message: { content: ANSWER }, finish_reason: 'stop' }]);
    expect(usage?.completion_tokens).toBeGreaterThan(3);
  });

  test('gets several choices, which differ by their seeds', async () => {
    const { choices } = await client.chat.completions.create({ ...story, temperature: 0.9, seed: 1, n: 2 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(new Set(choices.map(({ message }) => message.content)).size).toBe(2);
  });

  test('gets the probabilities of tokens, in one piece and as a stream', async () => {
    const asked = { ...question, temperature: 1, logprobs: true, top_logprobs: 2 };
    const { choices } = await client.chat.completions.create(asked);
    const entries = choices[0]?.logprobs?.content ?? [];
    expect(entries.map(({ token }) => token).join('')).toBe(choices[0]?.message.content);
    expect(entries.every(({ logprob, top_logprobs: top }) => logprob <= 0 && top.length === 2)).toBe(true);
    const stream = client.chat.completions.stream(asked);
    let streamed = 0;
    stream.on('logprobs.content.delta', ({ content }) => (streamed += content.length));
    const { choices: rest } = await stream.finalChatCompletion();
    expect(rest[0]?.logprobs?.content).toHaveLength(streamed);
    expect(streamed).toBeGreaterThan(3);
  });

  test('completes a raw prompt, and is refused tokens and a gap that the model has no tokens for', async () => {
    const begun = ANSWER.slice(0, 'A bee flies from flower'.length);
    const asked = { model: 'tiny', temperature: 0, max_tokens: 60, frequency_penalty: 0.1, logit_bias: { '33': -100 } };
    const { choices, usage } = await client.completions.create({ ...asked, prompt: begun, logprobs: 1 });
    expect(choices).toMatchObject([{ text: ANSWER.slice(begun.length), finish_reason: 'stop' }]);
    expect(choices[0]?.logprobs?.tokens).toHaveLength(usage?.completion_tokens ?? NaN);
    await expect(client.completions.create({ ...asked, prompt: [0, 1024] })).rejects.toMatchObject({ status: 400 });
    await expect(client.completions.create({ ...asked, prompt: begun, suffix: '.' })).rejects.toMatchObject({ status: 400 });
  });

  test('gets an answer that follows a strict schema', async () => {
    const schema = { type: 'object', properties: { bees: { type: 'integer' } }, required: ['bees'], additionalProperties: false };
    const completion = await client.chat.completions.parse({
      ...question,
      response_format: { type: 'json_schema', json_schema: { name: 'count', strict: true, schema } },
    });
    expect(Object.keys(JSON.parse(completion.choices[0]?.message.content ?? '') as object)).toEqual(['bees']);
  });

  test.each(['in the middle of a stream', 'before an answer in one piece'])('that leaves %s frees the slot', async (when) => {
    const left = new AbortController();
    if (when.includes('stream')) {
      const stream = await client.chat.completions.create({ ...endless, stream: true }, { signal: left.signal });
      for await (const { choices } of stream) if ((choices[0]?.delta.content ?? '') !== '') break;
      left.abort();
    } else {
      const answer = client.chat.completions.create(endless, { signal: left.signal });
      await until(async () => (await slotsUsed()) > 0);
      left.abort();
      await expect(answer).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    }
    await until(async () => (await slotsUsed()) === 0);
    const { jobs } = await swarm.result<{ jobs: { state: string }[] }>(['jobs', '--operation', 'infer', '--limit', '1']);
    expect(jobs).toMatchObject([{ state: 'cancelled' }]);
  });

  test('takes up an answer by its job, after it has left it running', async () => {
    const headers = { 'x-rbee-on-disconnect': 'continue' };
    const { data, response } = await client.chat.completions.create({ ...question, stream: true }, { headers }).withResponse();
    data.controller.abort();
    const text = await (await fetch(`${swarm.queenUrl}/v1/jobs/${response.headers.get('x-rbee-job-id')}/stream`)).text();
    expect(text).toContain(`"text":"${ANSWER}"`);
  });

  test('gets errors as its own classes, and repeats none that will be the same again', async () => {
    const retrying = new OpenAI({ baseURL: `${swarm.queenUrl}/v1`, apiKey: 'any', maxRetries: 2 });
    await expect(retrying.chat.completions.create({ ...question, model: 'tinny' })).rejects.toMatchObject({
      constructor: OpenAI.NotFoundError,
      code: 'model_not_found',
      message: expect.stringContaining('tiny') as string,
    });
    await expect(retrying.chat.completions.create({ ...question, temperature: 'hot' as never })).rejects.toMatchObject({
      constructor: OpenAI.BadRequestError,
      param: 'temperature',
    });
    const long = { ...question, messages: [{ role: 'user' as const, content: 'bee '.repeat(20_000) }] };
    for (const stream of [false, true]) {
      await expect(retrying.chat.completions.create({ ...long, stream })).rejects.toMatchObject({
        constructor: OpenAI.BadRequestError,
        code: 'context_length_exceeded',
        message: expect.stringMatching(/maximum context length is \d+ tokens, and your messages have /) as string,
      });
    }
    const { jobs } = await swarm.result<{ jobs: { state: string }[] }>(['jobs', '--operation', 'infer', '--limit', '3']);
    expect(jobs.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
  });

  test('starts the local hive to list the models of a queen that has just started', async () => {
    expect(firstModels).toMatchObject([{ id: 'tiny', object: 'model', owned_by: 'rbee', loaded: [] }]);
    expect((await fetch(`${swarm.queenUrl}/v1/models`, { method: 'HEAD' })).status).toBe(200);
  });

  test('lists the models and finds one by its name', async () => {
    const models = [];
    for await (const model of client.models.list()) models.push(model);
    expect(models).toMatchObject([{ id: 'tiny', object: 'model', owned_by: 'rbee', loaded: [{ hive_id: 'localhost' }] }]);
    expect(await client.models.retrieve('tiny:latest')).toMatchObject({ id: 'tiny:latest' });
    await expect(client.models.retrieve('org/none')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  test('gets a response in one piece and as a stream', async () => {
    const asked = { model: 'tiny', input: 'What does a bee do?', temperature: 0 };
    const whole = await client.responses.create(asked);
    expect([whole.status, whole.output_text]).toEqual(['completed', ANSWER]);
    const stream = client.responses.stream(asked);
    const numbers: number[] = [];
    stream.on('event', ({ sequence_number }) => numbers.push(sequence_number));
    const final = await stream.finalResponse();
    expect([final.status, final.output_text]).toEqual(['completed', ANSWER]);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(final.usage?.total_tokens).toBe(whole.usage?.total_tokens);
  });

  test('gets unit vectors, as base64 unless it asks for numbers', async () => {
    const asked = { model: 'tiny', input: ['What does a bee do?', 'bee'] };
    const { data, usage } = await client.embeddings.create(asked);
    const numbers = await client.embeddings.create({ ...asked, encoding_format: 'float' });
    expect(data.map(({ embedding }) => Array.from(embedding))).toEqual(numbers.data.map(({ embedding }) => embedding));
    for (const { embedding } of data) expect(Math.hypot(...embedding)).toBeCloseTo(1, 4);
    expect(usage.prompt_tokens).toBeGreaterThan(1);
    await expect(client.embeddings.create({ ...asked, input: [] })).rejects.toMatchObject({ status: 400, param: 'input' });
  });

  const raw = { model: 'tiny', prompt: 'A bee flies', temperature: 0, max_tokens: 4 };

  test('gets completions of several prompts, n of each, in their order', async () => {
    const prompts = [raw.prompt, 'It makes honey'];
    const { choices, usage } = await client.completions.create({ ...raw, prompt: prompts, n: 2 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const alone = await Promise.all(prompts.map((prompt) => client.completions.create({ ...raw, prompt })));
    const texts = alone.flatMap(({ choices: [choice] }) => [choice?.text, choice?.text]);
    expect(choices.map(({ text }) => text)).toEqual(texts);
    expect(new Set(texts).size).toBe(2);
    expect(usage?.completion_tokens).toBe(16);
  });

  test('gets completions of token ids, with as many prompt tokens; an id that the model does not have is refused', async () => {
    const { usage, choices } = await client.completions.create({ ...raw, prompt: [[5, 6, 7, 8]] });
    expect([usage?.prompt_tokens, choices[0]?.finish_reason]).toEqual([4, 'length']);
    const strange = client.completions.create({ ...raw, prompt: [5, 9_999_999] });
    await expect(strange).rejects.toMatchObject({ status: 400, message: expect.stringContaining('no token 9999999') as string });
  });

  test('gets a completion as a stream, with the same text and the usage last', async () => {
    const { choices } = await client.completions.create(raw);
    const stream = await client.completions.create({ ...raw, stream: true, stream_options: { include_usage: true } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.text ?? '').join('')).toBe(choices[0]?.text);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 4 } });
  });

  test('is refused to fill in the middle by a model that is not trained for it', async () => {
    await expect(client.completions.create({ ...raw, suffix: 'honey.' })).rejects.toMatchObject({
      status: 400,
      param: 'suffix',
    });
  });

  test('of a request of megabytes gets the answer of the worker, not a refusal of its size', async () => {
    const messages = [{ role: 'user' as const, content: 'bee '.repeat(1_600_000) }];
    await expect(client.chat.completions.create({ ...question, messages })).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      message: expect.stringMatching(/maximum context length is \d+ tokens, and your messages have .*\d+/) as string,
    });
    const properties = Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [`p${at}`, { type: 'string', title: `t${at}` }]),
    );
    const tools = Array.from({ length: 300 }, (_, at) => ({
      type: 'function' as const,
      function: { name: `tool${at}`, parameters: { type: 'object', properties } },
    }));
    await expect(client.chat.completions.create({ ...question, tools })).rejects.toMatchObject({
      status: 400,
      message: expect.not.stringContaining('values') as string,
    });
  });

  test('is refused what needs an earlier response', async () => {
    const asked = { model: 'tiny', input: 'hi', previous_response_id: 'resp_1' };
    await expect(client.responses.create(asked)).rejects.toMatchObject({ status: 400, param: 'previous_response_id' });
  });
});

describe('the AI SDK', () => {
  const providers = () => ({
    responses: createOpenAI({ baseURL: `${swarm.queenUrl}/v1`, apiKey: 'any' })('tiny'),
    chat: createOpenAI({ baseURL: `${swarm.queenUrl}/v1`, apiKey: 'any' }).chat('tiny'),
    compatible: createOpenAICompatible({ name: 'rbee', baseURL: `${swarm.queenUrl}/v1`, includeUsage: true })('tiny'),
  });
  const asked = { prompt: 'What does a bee do?', temperature: 0, maxRetries: 0 };

  test.each(['responses', 'chat', 'compatible'] as const)('generates, streams and leaves with %s', async (name) => {
    const model = providers()[name];
    expect(await generateText({ model, ...asked })).toMatchObject({ text: ANSWER, finishReason: 'stop' });
    const streamed = streamText({ model, ...asked });
    const pieces: string[] = [];
    for await (const piece of streamed.textStream) pieces.push(piece);
    expect(pieces.join('')).toBe(ANSWER);
    expect((await streamed.usage).outputTokens).toBeGreaterThan(3);
    const left = new AbortController();
    const stopped = streamText({ model, prompt: 'Tell me a story', temperature: 1, maxRetries: 0, abortSignal: left.signal });
    for await (const _piece of stopped.textStream) break;
    left.abort();
    await until(async () => (await slotsUsed()) === 0);
  });

  test.each(['chat', 'responses'] as const)('generates an object with %s', async (name) => {
    const { object } = await generateObject({ model: providers()[name], ...asked, schema: z.object({ bees: z.int() }) });
    expect(Object.keys(object)).toEqual(['bees']);
  });

  test('gets the status and the message of an error', async () => {
    const model = createOpenAI({ baseURL: `${swarm.queenUrl}/v1`, apiKey: 'any' }).chat('tinny');
    const failure: unknown = await generateText({ model, ...asked }).catch((cause: unknown) => cause);
    expect(APICallError.isInstance(failure) && { status: failure.statusCode, again: failure.isRetryable }).toEqual({
      status: 404,
      again: false,
    });
  });
});
