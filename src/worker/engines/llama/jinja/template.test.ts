import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TemplateError } from './fault.ts';
import { Template } from './template.ts';

const render = (template: string, variables: Record<string, unknown> = {}) => new Template(template).render(variables);

test.each([
  ["{{ raise_exception('Roles must alternate!') }}", 'Roles must alternate!'],
  ['{{ missing.role }}', "'missing' is undefined"],
  ['{{ message.tool.name }}', "'dict object' has no attribute 'tool'"],
  ["{{ 'a' + none }}", 'can only concatenate str (not "NoneType") to str'],
  ['{% if x %}', "expected 'elif' or 'else' or 'endif', found eof (line 1)"],
  ['a\nb {{ 1 + }}', 'unexpected end (line 2)'],
  ["{% include 'x' %}", "Encountered unknown tag 'include', found 'x' (line 1)"],
  ['{{ range(100001) }}', 'Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).'],
])('%s fails with a sentence', (template, message) => {
  expect(() => render(template, { message: {} })).toThrowError(new TemplateError(message));
});

test('a template that grows its text without an end is stopped at the limit', () => {
  const endless = new Template('{% for a in range(1000) %}{% for b in range(1000) %}bees and bees{% endfor %}{% endfor %}');
  expect(() => endless.render({}, 10_000)).toThrowError('it makes a text of more than 10000 characters of it');
});

test('variables that are not given are undefined, and those that are null are none', () => {
  expect(render('{{ tools is defined }} {{ tools is none }}', { tools: undefined })).toBe('False False');
  expect(render('{{ tools is defined }} {{ tools is none }}', { tools: null })).toBe('True True');
  expect(render('{{ constructor is defined }}')).toBe('False');
});

test('lists may grow in a template, as a few models have it, and the variables stay as they were', () => {
  const variables = { list: [1] };
  const template = new Template('{% set _ = list.append(2) %}{{ list }}');
  expect([template.render(variables), template.render(variables)]).toEqual(['[1, 2]', '[1, 2]']);
});

test('any text comes out as it went in, alone and as JSON', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.jsonValue(), (text, json) => {
      expect(render('{{ text }}', { text })).toBe(text);
      expect(JSON.parse(render('{{ json | tojson }}', { json }))).toEqual(JSON.parse(JSON.stringify(json)));
    }),
  );
});

test('any template either renders or fails with a sentence', () => {
  const parts = fc.constantFrom(
    '{{',
    '}}',
    '{%',
    '%}',
    '{#',
    '-',
    '+',
    'if',
    'for',
    'x',
    'in',
    '|',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    "'",
    '"',
    '\\',
    '1',
    '.',
    ' ',
    '\n',
    'end',
    'set',
    '=',
    ':',
    ',',
    '~',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 20 }), (texts) => {
      try {
        expect(typeof render(texts.join(''))).toBe('string');
      } catch (error) {
        expect(error).toBeInstanceOf(TemplateError);
      }
    }),
    { numRuns: 500 },
  );
});
