import { expect, test } from 'vitest';
import { requireToken } from './token.ts';

test.each([' x', 'x ', 'x\n', 'a\r\nb', 'schlüssel', '\0', ' '])('a token that no header can carry, %j, is refused', (token) => {
  expect(() => requireToken(token, 'RBEE_TOKEN')).toThrow(expect.objectContaining({ code: 'invalid_input' }));
  expect(() => requireToken(token, '--token-file')).toThrow('--token-file contains characters that no HTTP header can carry');
});

test.each(['honey', 'correct horse', '!~'])('a token of visible ASCII characters, %j, is accepted', (token) => {
  expect(() => requireToken(token, 'RBEE_TOKEN')).not.toThrow();
});
