import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JobError, operations, type Handlers, type Role } from '../../contract/index.ts';
import { parseRequest } from './parse-request.ts';

// Which operations are served is all that the door needs to know of the handlers.
const everything = Object.fromEntries(Object.keys(operations).map((name) => [name, () => undefined])) as unknown as Handlers;
const parse = (body: unknown, role: Role = 'queen', handlers = everything) =>
  parseRequest(typeof body === 'string' ? body : JSON.stringify(body), { role, handlers });

function refusal(body: unknown, role: Role = 'queen', handlers = everything): Pick<JobError, 'code' | 'message'> {
  try {
    parse(body, role, handlers);
  } catch (error) {
    if (error instanceof JobError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('what is refused, and how', () => {
  test.each([
    ['{', 'invalid_json', /^The body is not JSON/],
    ['', 'invalid_json', /^The body is not JSON/],
    ['[]', 'invalid_json', /must be a JSON object/],
    ['null', 'invalid_json', /must be a JSON object/],
    ['{}', 'missing_operation', /^Missing 'operation' field$/],
    ['{"operation":7}', 'invalid_input', /must be a string/],
    ['{"operation":"worker_lst"}', 'unknown_operation', /^Unknown operation: worker_lst\. Did you mean worker_list\?$/],
    ['{"operation":"qwertyuiop"}', 'unknown_operation', /^Unknown operation: qwertyuiop$/],
    ['{"operation":"__proto__"}', 'unknown_operation', /^Unknown operation/],
    ['{"operation":"worker_get","hive_id":"localhost"}', 'invalid_input', /worker_id/],
    [
      '{"operation":"infer","prompt":"x","max_token":5}',
      'invalid_input',
      /unknown field 'max_token', did you mean 'max_tokens'\?/,
    ],
    ['{"operation":"infer","prompt":7}', 'invalid_input', /prompt must be text/],
    ['{"operation":"infer"}', 'invalid_input', /one of 'prompt', 'messages' and 'prompt_tokens'/],
    [
      '{"operation":"infer","prompt":"x","messages":[{"role":"user","content":"y"}]}',
      'invalid_input',
      /one of 'prompt', 'messages' and 'prompt_tokens'/,
    ],
    ['{"operation":"worker_spawn","worker":"gpu-0"}', 'invalid_input', /worker must be one of cpu/],
    ['{"operation":"status","on_disconnect":"explode"}', 'invalid_input', /on_disconnect/],
    ['{"operation":"status","__proto__":{"polluted":true}}', 'invalid_input', /__proto__/],
  ])('%s', (body, code, message) => {
    const refused = refusal(body);
    expect(refused.code).toBe(code);
    expect(refused.message).toMatch(message);
  });

  test('a body nested deeper than any stack is refused; brackets in a string are not nesting', () => {
    expect(refusal(`{"operation":"infer","prompt":"x","json_schema":{"a":${'['.repeat(100_000)}`)).toMatchObject({
      code: 'invalid_json',
    });
    expect(parse({ operation: 'infer', prompt: '\\"'.concat('[{'.repeat(100_000)) }).operation).toBe('infer');
  });

  test('a body made to be slow is refused as fast as any other', () => {
    const cpuBefore = process.cpuUsage();
    expect(refusal(`{"operation":"${'\\"'.repeat(1_000_000)}`).code).toBe('invalid_json');
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field-${index}`, 1]));
    expect(refusal({ operation: 'status', ...many }).message.length).toBeLessThan(2_000);
    // Quadratic work on two megabytes would take hours.
    expect(process.cpuUsage(cpuBefore).user).toBeLessThan(10e6);
  });

  test.each([
    ['a list of things that are no messages', `{"operation":"infer","messages":[${'1,'.repeat(2_000_000)}1]}`],
    ['messages that lack everything', `{"operation":"infer","messages":[${'{},'.repeat(9_000)}{}]}`],
    ['numbers that no JSON can hold', `{"operation":"infer","prompt":"x","json_schema":{"a":[${'1e999,'.repeat(800_000)}1]}}`],
    ['a name of megabytes', `{"operation":"infer","prompt":"x","json_schema":{"${'k'.repeat(4_000_000)}":1e999}}`],
    ['unknown fields in every message', `{"operation":"infer","messages":[${'{"a":1,"b":2},'.repeat(9_000)}{}]}`],
  ])('%s: the refusal is short, and does not take long', (_what, body) => {
    const cpuBefore = process.cpuUsage();
    const { code, message } = refusal(body);
    expect(code).toBe('invalid_input');
    expect(message.length).toBeLessThan(2_000);
    expect(process.cpuUsage(cpuBefore).user).toBeLessThan(5e6);
  });

  test('every bad field is named at once', () => {
    const { message } = refusal({ operation: 'infer', prompt: 'x', temperature: 'hot', top_p: 2, seeds: 1 });
    expect(message).toContain('temperature');
    expect(message).toContain('top_p');
    expect(message).toContain("'seeds', did you mean 'seed'?");
  });

  test.each([
    [{ operation: 'infer', prompt: 7 }, 'infer: prompt must be text'],
    [{ operation: 'infer', prompt: 'x', temperature: 'hot' }, 'infer: temperature must be a number from 0 to 5'],
    [{ operation: 'infer', messages: [{ role: 'user' }] }, 'infer: messages.0.content is missing'],
    [{ operation: 'worker_spawn', model: 'tiny', slots: 0 }, 'worker_spawn: slots must be a whole number from 1 to 256'],
    [{ operation: 'worker_get' }, 'worker_get: worker_id is missing'],
    [{ operation: 'infer' }, "infer: prompt: give one of 'prompt', 'messages' and 'prompt_tokens'"],
  ])('%j is refused with a sentence that names the field', (body, message) => {
    expect(refusal(body).message).toBe(message);
  });

  test("another role's operation is refused, naming the role that serves it", () => {
    const { code, message } = refusal({ operation: 'hive_list' }, 'hive', {});
    expect(code).toBe('operation_not_supported');
    expect(message).toBe('Operation not supported by hive: send hive_list to the queen');
  });

  test('anything at all is either parsed or refused with a JobError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc
            .record({ operation: fc.constantFrom(...Object.keys(operations)), prompt: fc.anything() })
            .map((body) => JSON.stringify(body)),
        ),
        (body) => {
          try {
            parseRequest(body, { role: 'queen', handlers: everything });
          } catch (error) {
            expect(error).toBeInstanceOf(JobError);
          }
        },
      ),
    );
  });
});

describe('what is accepted', () => {
  test.each([
    [{ operation: 'hive_get', id: 'attic' }, { hive_id: 'attic' }],
    [{ operation: 'hive_start', alias: 'attic' }, { hive_id: 'attic' }],
    [
      { operation: 'worker_get', hive_id: 'attic', id: 'worker-1' },
      { hive_id: 'attic', worker_id: 'worker-1' },
    ],
    [
      { operation: 'worker_delete', id: 'worker-1' },
      { hive_id: 'localhost', worker_id: 'worker-1' },
    ],
    [
      { operation: 'model_get', hive_id: 'localhost', id: 'tiny' },
      { hive_id: 'localhost', model: 'tiny' },
    ],
    [{ operation: 'worker_list', id: 'attic' }, { hive_id: 'attic' }],
    [
      { operation: 'hive_create', host: 'attic.lan', port: 8600 },
      { host: 'attic.lan', port: 8600 },
    ],
  ])('the older spelling %j', (body, input) => {
    expect(parse(body).input).toEqual(input);
  });

  test('defaults are filled in', () => {
    expect(parse({ operation: 'infer', prompt: 'Hello' })).toEqual({
      operation: 'infer',
      input: { model: 'tiny', prompt: 'Hello', stream: true, continue_elsewhere: false },
      onDisconnect: 'continue',
    });
  });
});
