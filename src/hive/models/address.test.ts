import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { parseAddress, withoutSecrets } from './address.ts';

test('the stored and the displayed form of a URL contain neither its credentials nor its query', () => {
  const address = parseAddress('http://bee:honey@hive.example:8080/m.gguf?token=nectar#wax');
  expect(address).toMatchObject({ kind: 'http', label: 'http://hive.example:8080/m.gguf' });
  expect(address.id).toMatch(/^http:\/\/hive\.example:8080\/m\.gguf\?sha256=[0-9a-f]{32}$/);
});

test('URLs that differ in their query are different sources', () => {
  const idOf = (text: string) => parseAddress(text).id;
  expect(idOf('http://hive.example/m.gguf?a')).toBe(idOf('http://bee:honey@hive.example/m.gguf?a'));
  expect(idOf('http://hive.example/m.gguf?a')).not.toBe(idOf('http://hive.example/m.gguf?b'));
  expect(idOf('http://hive.example/m.gguf')).toBe('http://hive.example/m.gguf');
});

test.each([
  ['file:///models/bee.gguf', '/models/bee.gguf'],
  ['file:///models/../bee.gguf', '/bee.gguf'],
  ['file:///models/with%20space.gguf', '/models/with space.gguf'],
  ['/models//bee.gguf', '/models/bee.gguf'],
])('%s is an address of a file on this machine', (text, path) => {
  expect(parseAddress(text)).toMatchObject({ kind: 'file', path, id: path });
});

test.each([
  'file://elsewhere/bee.gguf',
  'file:///models/a%2fb.gguf',
  'file:relative.gguf%2f',
  'bee.gguf',
  '../bee.gguf',
  'ftp://bee:honey@hive.example/m.gguf',
  'bee:honey@hive.example/m.gguf?token=nectar',
  'http//bee:honey@hive.example/m.gguf?token=nectar',
  'http://bee:ho/ney@hive.example/m.gguf',
  'http://bee:honey@/m.gguf',
  'data:,honey',
])('the address %s is refused, and the error contains no secret', (text) => {
  let refused: unknown;
  try {
    parseAddress(text);
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(JobError);
  expect(refused).toMatchObject({ code: 'invalid_input' });
  expect(String(refused)).not.toMatch(/honey|ney@|nectar/);
});

test.each([
  ['/home/bee/models/wild bee@v2.gguf', '/home/bee/models/wild bee@v2.gguf'],
  ['/home/bee/bee:honey@hive.example/m.gguf?token=nectar', '/home/bee/hive.example/m.gguf'],
  ['qwen3:8b', 'qwen3:8b'],
])('the address %s is displayed as %s', (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
});

test('no displayed address contains a password or a query', () => {
  const user = fc.stringMatching(/^[a-z0-9:@]{0,8}$/);
  const rest = fc.stringMatching(/^[a-z0-9/:@?#]{0,8}$/);
  const scheme = fc.constantFrom('http://', 'https://', 'http:/', 'http//', '//', 'ftp://', 'HTTP://', 'x:');
  fc.assert(
    fc.property(scheme, user, rest, (start, before, after) => {
      expect(withoutSecrets(`${start}${before}:SECRET${after}@hive.example/m.gguf?token=SECRET`)).not.toContain('SECRET');
    }),
  );
});
