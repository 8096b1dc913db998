import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { apiUrls, type Connection } from '../connect/connection.ts';
import { programs } from '../connect/programs.ts';
import { programsText, settingsText } from './connect.ts';
import { plainLook } from './look.ts';

const open: Connection = {
  queenUrl: 'http://127.0.0.1:8500',
  keyVariable: undefined,
  model: 'org/it\'s $(a) "model"',
  embeddingModel: undefined,
  contextTokens: 8_192,
  trainedTokens: 131_072,
};
const locked: Connection = { ...open, keyVariable: 'RBEE_TOKEN' };

function partsOf(name: string, connection: Connection): string[] {
  return programs[name]?.parts(connection).map(({ text }) => text) ?? [];
}

/** The exported variables, as a shell reads them. */
function exported(text: string): Record<string, string> {
  const out = execFileSync('sh', ['-c', `${text}\nenv -0`], { env: { PATH: process.env['PATH'], RBEE_TOKEN: 'secret word' } });
  return Object.fromEntries(
    out
      .toString()
      .split('\0')
      .map((line) => line.split(/=(.*)/s).slice(0, 2)) as [string, string][],
  );
}

describe.each(Object.entries(programs))('the settings for %s', (name, { api }) => {
  test('have the base URL of its API, and a key', () => {
    const all = partsOf(name, open).join('\n');
    expect(all).toContain(apiUrls[api](open.queenUrl));
    if (name !== 'codex' && name !== 'zed') expect(all).toContain('rbee');
  });

  test('name the variable of the token, where the fleet has one', () => {
    expect(partsOf(name, locked).join('\n')).toContain('RBEE_TOKEN');
  });
});

test('a shell reads the name of a model and the token as they are', () => {
  expect(exported(partsOf('claude-code', locked)[0] ?? '')).toMatchObject({
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:8500',
    ANTHROPIC_AUTH_TOKEN: 'secret word',
    ANTHROPIC_MODEL: open.model,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: open.model,
    CLAUDE_CODE_MAX_CONTEXT_TOKENS: '8192',
  });
  expect(exported(partsOf('aider', open)[0] ?? '')).toMatchObject({
    OPENAI_API_KEY: 'rbee',
    AIDER_MODEL: `openai/${open.model}`,
  });
});

test('LangChain gets the model that turns text into vectors, and sends it text', () => {
  const [without = ''] = partsOf('langchain', open);
  expect(without).not.toContain('Embeddings');
  const [both = ''] = partsOf('langchain', { ...open, embeddingModel: 'minilm' });
  expect(both).toContain('embeddings = OpenAIEmbeddings(\n    model="minilm",\n    base_url="http://127.0.0.1:8500/v1",');
  expect(both).toContain('check_embedding_ctx_length=False');
});

test('all that is printed for a shell is exports and comments, so that it can be sourced', () => {
  for (const name of ['claude-code', 'aider', 'open-webui']) {
    const program = programs[name];
    if (program === undefined) throw new RangeError(name);
    const lines = settingsText(program, locked).split('\n');
    expect(lines.filter((line) => !/^(?:#.*|export \w+=.*)?$/.test(line))).toEqual([]);
  }
});

test.each(['opencode', 'zed'])('the settings for %s are JSON', (name) => {
  expect(JSON.parse(partsOf(name, open)[0] ?? '')).toBeTypeOf('object');
});

test('OpenCode gets the model under the name of the provider, and how long its answers may be', () => {
  const { model, provider } = JSON.parse(partsOf('opencode', locked)[0] ?? '') as Record<string, unknown>;
  expect(model).toBe(`rbee/${open.model}`);
  expect(provider).toMatchObject({
    rbee: {
      options: { baseURL: 'http://127.0.0.1:8500/v1', apiKey: '{env:RBEE_TOKEN}' },
      models: { [open.model]: { limit: { context: 8192, output: 2048 } } },
    },
  });
});

test('Cline is connected by its settings, and its command line by a command', () => {
  const [labels = '', command = ''] = partsOf('cline', locked);
  expect(labels).toMatch(/^Model ID: +org\/it's \$\(a\) "model"$/m);
  const words = execFileSync('sh', ['-c', `cline() { printf '%s\\n' "$@"; }\n${command}`], {
    env: { RBEE_TOKEN: 'secret word' },
  });
  expect(words.toString().trimEnd().split('\n').slice(2)).toEqual([
    '--baseurl',
    'http://127.0.0.1:8500/v1',
    '--apikey',
    'secret word',
    '--modelid',
    open.model,
  ]);
});

describe('a note for agents', () => {
  const codex = (change: Partial<Connection>) => {
    const program = programs['codex'];
    return program === undefined ? '' : settingsText(program, { ...open, model: 'qwen3-8b', ...change });
  };

  test('shows how to give the model a longer context', () => {
    expect(codex({})).toContain(
      "# Note: Codex sends long prompts, and 'qwen3-8b' has a context of 8192 tokens. Start a worker with more, then print these settings again: rbee worker spawn --model qwen3-8b --context 65536",
    );
  });

  test('says that the model cannot have one', () => {
    expect(codex({ trainedTokens: 8_192 })).toContain('and cannot have more. Choose a model with 65536 or more');
  });

  test('shows the longest context of a model whose worker has less, and that it is not enough', () => {
    expect(codex({ trainedTokens: 32_768 })).toMatch(
      /--context 32768\n\n# Note: 'qwen3-8b' cannot have more than 32768 tokens\. Choose a model with 65536 or more/,
    );
  });

  test('is left out where the context is long enough', () => {
    expect(codex({ contextTokens: 65_536 })).not.toContain('Note');
  });
});

test('without a program, all are listed with the command for each, and the base URLs', () => {
  const text = programsText('http://127.0.0.1:8500', plainLook);
  for (const name of Object.keys(programs)) expect(text).toContain(`rbee connect ${name}`);
  expect(text).toMatch(/OpenAI +http:\/\/127\.0\.0\.1:8500\/v1\nAnthropic +http:\/\/127\.0\.0\.1:8500\nOllama/);
});
