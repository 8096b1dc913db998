import { describe, expect, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { createGuard, requireTokenBeyondLoopback } from './guard.ts';

type Headers = Parameters<ReturnType<typeof createGuard>>[0];

function answer(work: () => void): string {
  try {
    work();
    return 'served';
  } catch (error) {
    if (error instanceof JobError) return error.code;
    throw error;
  }
}

const asked = (headers: Headers, options: { host?: string; token?: string } = {}) =>
  answer(() => createGuard({ host: options.host ?? '127.0.0.1', token: options.token })(headers));

describe('without a token', () => {
  test.each(['localhost', 'localhost:8500', 'LocalHost:8500', '127.0.0.1', '127.0.0.1:8500', '[::1]:8500', '[::1]'])(
    '%s is our name',
    (host) => {
      expect(asked({ host })).toBe('served');
    },
  );

  test.each([
    '',
    ' ',
    'evil.example',
    'evil.example:8500',
    'localhost.evil.example',
    'localhost.',
    '127.0.0.1.evil.example',
    '127.0.0.2',
    '0.0.0.0',
    '192.168.1.7',
    '::1',
    'localhost:8500, evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'localhost:8500:1',
    '__proto__',
  ])('%j is not', (host) => {
    expect(asked({ host })).toBe('forbidden_origin');
  });

  test('a request without any name is refused', () => {
    expect(asked({})).toBe('forbidden_origin');
  });

  test('the address that it listens on is its name too, with brackets where it has colons', () => {
    expect(asked({ host: '127.0.0.2:8500' }, { host: '127.0.0.2' })).toBe('served');
    expect(asked({ host: '[::1]:8500' }, { host: '::1' })).toBe('served');
  });
});

describe('a page in a browser', () => {
  const host = 'localhost:8500';

  test.each(['http://localhost:8500', 'https://localhost:8500'])('of our own, %s, is served', (origin) => {
    expect(asked({ host, origin, 'sec-fetch-site': 'same-origin' })).toBe('served');
  });

  test.each([
    'http://evil.example',
    'http://localhost',
    'http://localhost:3000',
    'http://127.0.0.1:8500',
    'http://localhost:8500.evil.example',
    'http://evil.example/http://localhost:8500',
    'HTTP://localhost:8500',
    'file://',
    'null',
    '',
  ])('of %j is not', (origin) => {
    expect(asked({ host, origin })).toBe('forbidden_origin');
  });

  test.each(['cross-site', 'same-site', 'none, cross-site', 'Same-Origin', ''])('that says it is %j is not', (site) => {
    expect(asked({ host, 'sec-fetch-site': site })).toBe('forbidden_origin');
  });

  test('an address typed by a person is served', () => {
    expect(asked({ host, 'sec-fetch-site': 'none' })).toBe('served');
  });
});

describe('with a token', () => {
  const token = 'correct horse';

  test('the token is all that counts, by whichever name the machine is called', () => {
    expect(asked({ host: 'attic.lan:8500', authorization: 'Bearer correct horse' }, { token })).toBe('served');
  });

  test.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer correct',
    'Bearer correct hors',
    'Bearer correct horse ',
    'Bearer correct horsey',
    'Bearer Correct horse',
    'bearer correct horse',
    'BEARER correct horse',
    'Basic correct horse',
    'correct horse',
    'Bearer  correct horse',
    'Bearer undefined',
  ])('%j is refused', (authorization) => {
    const headers = authorization === undefined ? {} : { authorization };
    expect(asked({ host: 'localhost:8500', ...headers }, { token })).toBe('unauthorized');
  });

  test('a page of another site is refused even with it', () => {
    const headers = { host: 'localhost:8500', origin: 'http://evil.example', authorization: 'Bearer correct horse' };
    expect(asked(headers, { token })).toBe('forbidden_origin');
  });
});

describe('where it may listen', () => {
  const listens = (host: string, token?: string) => answer(() => requireTokenBeyondLoopback(host, token));

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('on %s without a token', (host) => {
    expect(listens(host)).toBe('served');
  });

  test.each([
    '',
    '0.0.0.0',
    '::',
    '192.168.1.7',
    'attic.lan',
    'localhost.evil.example',
    '127.evil.example',
    '127.0.0.1.evil.example',
    '::ffff:127.0.0.1',
    '0',
  ])('on %j only with one', (host) => {
    expect(listens(host)).toBe('unauthorized');
    expect(listens(host, 'correct horse')).toBe('served');
  });
});
