import { expect, test } from 'vitest';
import { commandIn } from './command.ts';

test.each([
  ['/model tiny', { name: 'model', argument: 'tiny' }],
  ['/model', { name: 'model', argument: '' }],
  ['/system Be brief.\nBe kind.', { name: 'system', argument: 'Be brief.\nBe kind.' }],
  ['/save  my file.json ', { name: 'save', argument: 'my file.json' }],
  ['/clear', { name: 'clear', argument: '' }],
  ['hello', undefined],
  [' /clear', undefined],
  ['/etc/hosts: what is it?', undefined],
  ['/ is a slash', undefined],
  ['/1', undefined],
])('the line %j is the command %j', (line, command) => {
  expect(commandIn(line)).toEqual(command);
});

test.each([
  ['/modle tiny', 'There is no command /modle. Did you mean /model?'],
  ['/quantize', 'There is no command /quantize.'],
  ['/save', '/save needs <file>.'],
  ['/clear all', '/clear takes nothing after it.'],
])('the line %j is a mistake', (line, message) => {
  expect(() => commandIn(line)).toThrow(message);
});
