import { expect, test } from 'vitest';
import { lookupFor, mayRedirect } from './redirect.ts';

test.each<[string, string, boolean]>([
  ['https://hub.example/a', 'https://cdn.example/a', true],
  ['https://hub.example/a', 'http://10.0.0.7/a', true],
  ['https://hub.example/a', 'file:///etc/passwd', false],
  ['https://hub.example/a', 'http://127.0.0.1:9000/v1/jobs', false],
  ['https://hub.example/a', 'http://2130706433/', false],
  ['https://hub.example/a', 'http://localhost:8500/', false],
  ['https://hub.example/a', 'http://[::1]/', false],
  ['https://hub.example/a', 'http://[::ffff:127.0.0.1]/', false],
  ['https://hub.example/a', 'http://0.0.0.0/', false],
  ['https://hub.example/a', 'http://169.254.169.254/latest/meta-data', false],
  ['http://127.0.0.1:8080/a', 'http://127.0.0.1:8081/a', true],
  ['http://localhost:8080/a', 'file:///etc/passwd', false],
])('whether a download from %s may be redirected to %s: %j', (own, to, may) => {
  expect(mayRedirect(new URL(own), new URL(to))).toBe(may);
});

function lookUp(own: string, name: string): Promise<string> {
  return new Promise((resolve) => {
    lookupFor(new URL(own))(name, {}, (cause, address) => resolve(cause === null ? JSON.stringify(address) : String(cause.code)));
  });
}

test('a name that resolves to this machine is followed only if the user gave it', async () => {
  expect(await lookUp('https://hub.example/a', 'localhost')).toBe('EREDIRECT');
  expect(await lookUp('http://localhost/a', 'localhost')).toMatch(/^"(127\.0\.0\.1|::1)"$/);
});
