import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LlamaBundle } from './fixtures/bundle.ts';
import { Template } from './template.ts';

type Expected = string | { sha256: string } | { error: string };
interface Corpus {
  source: string;
  version: string;
  templates: { name: string; sha1: string; offset: number; prompts: Record<string, Expected> }[];
}

const fixture = <Content>(name: string) =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')) as Content;
const corpus = fixture<Corpus>('corpus.json');
const conversations = fixture<Record<string, Record<string, unknown>>>('conversations.json');
const expressions = fixture<{ variables: Record<string, unknown>; templates: [template: string, text: string | null][] }>(
  'expressions.json',
);
/** The reference's clock when the fixtures were made. */
const now = () => new Date(2026, 10, 27, 9, 5, 7);

/** Where the text is not the reference's, and why. */
const DIFFERENT: Record<string, { conversations: string[]; reason: string }> = {
  'meetkai-functionary-medium-v3.1': {
    conversations: ['tools', 'answered'],
    reason: 'Its `safe` filter makes the reference escape the schemas for HTML. The model was not trained on that.',
  },
};
/** Where the reference refuses a conversation that is rendered here, and why. */
const ALLOWED = /^SecurityError: access to attribute 'append' of 'list' object is unsafe\.$/;

const bundle = new LlamaBundle();
const templates = corpus.templates.map((entry) => ({ ...entry, template: bundle.read(entry.offset, entry.sha1) }));
bundle.close();
const isThere = templates.every(({ template }) => template !== undefined);

function rendered(template: string, variables: Record<string, unknown>): Expected {
  try {
    return new Template(template, now).render(variables);
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function isAsExpected(name: string, [conversation, expected]: [string, Expected], made: Expected): boolean {
  if (typeof expected === 'object' && 'error' in expected) return typeof made === 'object' || ALLOWED.test(expected.error);
  if (DIFFERENT[name]?.conversations.includes(conversation) === true) return typeof made === 'string';
  if (typeof expected === 'string' || typeof made !== 'string') return made === expected;
  return createHash('sha256').update(made).digest('hex') === expected.sha256;
}

test(`the corpus of chat templates is in the bundle of node-llama-cpp ${corpus.version}, or scripts/template-corpus.mjs writes it again`, () => {
  expect(templates.length).toBeGreaterThanOrEqual(60);
  expect(templates.filter(({ template }) => template === undefined).map(({ name }) => name)).toEqual([]);
});

test.runIf(isThere)('every chat template of the corpus makes the prompts that the reference makes', () => {
  for (const { name, template = '', prompts } of templates) {
    for (const [conversation, expected] of Object.entries(prompts)) {
      const made = rendered(template, conversations[conversation] ?? {});
      if (!isAsExpected(name, [conversation, expected], made))
        expect({ name, conversation, made }).toEqual({ name, conversation, made: expected });
    }
  }
});

test('small templates, for each rule of the language, make the texts that the reference makes', () => {
  for (const [template, text] of expressions.templates) {
    const made = rendered(template, expressions.variables);
    if (text === null ? typeof made === 'string' : made !== text) expect({ template, text: made }).toEqual({ template, text });
  }
});
