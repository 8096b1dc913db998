import { expect, test } from 'vitest';
import { JobError, type ErrorCode } from '../../contract/index.ts';
import { anthropicError, anthropicErrorBody, ThreadRefused } from './errors.ts';

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
  const mapped = anthropicError(new JobError(code, 'Words.'));
  expect(mapped).toMatchObject({ status, error: { type, rbee_code: code } });
  expect(mapped.error['message']).toContain('Words.');
});

test('the message for a prompt that is too long has the words on which clients compact', () => {
  const error = new JobError(
    'prompt_too_long',
    'The prompt has 9000 tokens; the context holds 8192, of which the answer needs at least one.',
  );
  expect(anthropicError(error).error['message']).toBe('prompt is too long: 9000 tokens > 8192 maximum');
});

test('a refused thread has the details after which SDKs send the whole conversation', () => {
  expect(anthropicErrorBody(new ThreadRefused(), 'req_1')).toMatchObject({
    type: 'error',
    error: { type: 'invalid_request_error', details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] } },
    request_id: 'req_1',
  });
});
