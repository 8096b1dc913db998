import { expect, test } from 'vitest';
import { JobError, promptTooLong, type ErrorCode } from '../../contract/index.ts';
import { anthropicErrors } from './errors.ts';
import { promptBody } from './body.ts';
import { promptInputOf } from './infer-input.ts';

const answerTo = (error: JobError) => anthropicErrors(error, { requestId: 'req_1', correlationId: 'c', jobIds: [] });

test.each<[ErrorCode, number, string]>([
  ['invalid_json', 400, 'invalid_request_error'],
  ['invalid_input', 400, 'invalid_request_error'],
  ['unsupported_media_type', 400, 'invalid_request_error'],
  ['model_not_found', 404, 'not_found_error'],
  ['not_found', 404, 'not_found_error'],
  ['prompt_too_long', 400, 'invalid_request_error'],
  ['unauthorized', 401, 'authentication_error'],
  ['forbidden_origin', 403, 'permission_error'],
  ['body_too_large', 413, 'request_too_large'],
  ['worker_busy', 429, 'rate_limit_error'],
  ['too_many_jobs', 429, 'rate_limit_error'],
  ['no_room', 529, 'overloaded_error'],
  ['shutting_down', 529, 'overloaded_error'],
  ['interrupted', 529, 'overloaded_error'],
  ['deadline_exceeded', 529, 'overloaded_error'],
  ['model_too_large', 500, 'api_error'],
  ['model_corrupt', 500, 'api_error'],
  ['engine_failed', 500, 'api_error'],
  ['worker_died', 500, 'api_error'],
  ['internal', 500, 'api_error'],
])('%s is %i %s', (code, status, type) => {
  const answer = answerTo(new JobError(code, 'Words.'));
  const message = expect.stringMatching(/Words\./) as string;
  expect(answer).toMatchObject({
    status,
    body: { type: 'error', error: { type, message, rbee_code: code }, request_id: 'req_1' },
  });
});

test('the message for a prompt that is too long has the words on which clients compact', () => {
  const message = 'prompt is too long: 9000 tokens > 8192 maximum';
  expect(answerTo(promptTooLong(9_000, 8_192)).body).toMatchObject({ error: { message } });
});

test('a refused thread has the details after which SDKs send the whole conversation', () => {
  const body = promptBody.parse({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], thread: {} });
  let refused: unknown;
  try {
    promptInputOf(body);
  } catch (error) {
    refused = error;
  }
  const details = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };
  expect(answerTo(refused as JobError)).toMatchObject({
    status: 400,
    body: { error: { type: 'invalid_request_error', details } },
  });
});
