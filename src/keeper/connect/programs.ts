import { ANY_KEY, apiUrls, exports, json, quoted, shellKey, shellWord, type Api, type Connection } from './connection.ts';

/** Text to copy, and where it goes. */
export interface Part {
  place: string;
  text: string;
}

export interface Program {
  title: string;
  api: Api;
  /** Set for agents, whose prompts are long before the user has typed a word. */
  isAgent?: true;
  parts: (connection: Connection) => Part[];
  /** What to do then. */
  then?: (connection: Connection) => string;
}

/** The settings of each program, as its documentation names them. */
export const programs: Readonly<Record<string, Program>> = {
  'claude-code': {
    title: 'Claude Code',
    api: 'Anthropic',
    isAgent: true,
    parts: (connection) => {
      const model = shellWord(connection.model);
      return [
        {
          place: 'In a shell, or in ~/.profile',
          text: exports({
            ANTHROPIC_BASE_URL: shellWord(apiUrls.Anthropic(connection.queenUrl)),
            ANTHROPIC_AUTH_TOKEN: shellKey(connection),
            ANTHROPIC_MODEL: model,
            ANTHROPIC_DEFAULT_OPUS_MODEL: model,
            ANTHROPIC_DEFAULT_SONNET_MODEL: model,
            ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
            CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(connection.contextTokens),
          }),
        },
      ];
    },
    then: () => 'claude',
  },
  codex: {
    title: 'Codex',
    api: 'OpenAI',
    isAgent: true,
    parts: ({ queenUrl, keyVariable, model, contextTokens }) => [
      {
        place: '~/.codex/config.toml; the first three lines go above every [table]',
        text: [
          `model = ${quoted(model)}`,
          'model_provider = "rbee"',
          `model_context_window = ${contextTokens}`,
          '',
          '[model_providers.rbee]',
          'name = "rbee"',
          `base_url = ${quoted(apiUrls.OpenAI(queenUrl))}`,
          'wire_api = "responses"',
          ...(keyVariable === undefined ? [] : [`env_key = ${quoted(keyVariable)}`]),
        ].join('\n'),
      },
    ],
    then: () => 'codex',
  },
  opencode: {
    title: 'OpenCode',
    api: 'OpenAI',
    isAgent: true,
    parts: ({ queenUrl, keyVariable, model, contextTokens }) => [
      {
        place: '~/.config/opencode/opencode.json, merged with what is there',
        text: json({
          $schema: 'https://opencode.ai/config.json',
          model: `rbee/${model}`,
          provider: {
            rbee: {
              npm: '@ai-sdk/openai-compatible',
              name: 'rbee',
              options: {
                baseURL: apiUrls.OpenAI(queenUrl),
                apiKey: keyVariable === undefined ? ANY_KEY : `{env:${keyVariable}}`,
              },
              models: { [model]: { name: model, limit: { context: contextTokens, output: answerTokens(contextTokens) } } },
            },
          },
        }),
      },
    ],
    then: () => 'opencode',
  },
  cline: {
    title: 'Cline',
    api: 'OpenAI',
    isAgent: true,
    parts: (connection) => {
      const { queenUrl, keyVariable, model, contextTokens } = connection;
      return [
        {
          place: 'Settings of Cline (the gear); the last line is in its Model Configuration',
          text: [
            'API Provider:               OpenAI Compatible',
            `Base URL:                   ${apiUrls.OpenAI(queenUrl)}`,
            `OpenAI Compatible API Key:  ${keyVariable === undefined ? ANY_KEY : `the value of ${keyVariable}`}`,
            `Model ID:                   ${model}`,
            `Context Window Size:        ${contextTokens}`,
          ].join('\n'),
        },
        {
          place: 'In a shell, for its command line',
          text: `cline auth openai-compatible --baseurl ${shellWord(apiUrls.OpenAI(queenUrl))} --apikey ${shellKey(connection)} --modelid ${shellWord(model)}`,
        },
      ];
    },
    then: () => 'cline',
  },
  continue: {
    title: 'Continue',
    api: 'OpenAI',
    parts: ({ queenUrl, keyVariable, model, contextTokens }) => [
      {
        place: '~/.continue/config.yaml',
        text: [
          'name: rbee',
          'version: 1.0.0',
          'schema: v1',
          'models:',
          `  - name: ${quoted(model)}`,
          '    provider: openai',
          `    model: ${quoted(model)}`,
          `    apiBase: ${quoted(apiUrls.OpenAI(queenUrl))}`,
          `    apiKey: ${keyVariable === undefined ? ANY_KEY : `\${{ secrets.${keyVariable} }}`}`,
          '    roles: [chat, edit, apply]',
          '    defaultCompletionOptions:',
          `      contextLength: ${contextTokens}`,
        ].join('\n'),
      },
      ...(keyVariable === undefined
        ? []
        : [{ place: 'In a shell', text: `echo "${keyVariable}=$${keyVariable}" >> ~/.continue/.env` }]),
    ],
    then: ({ model }) => `choose ${model} in Continue`,
  },
  zed: {
    title: 'Zed',
    api: 'Ollama',
    parts: (connection) => [
      {
        place: '~/.config/zed/settings.json, merged with what is there',
        text: json({
          language_models: {
            ollama: { api_url: apiUrls.Ollama(connection.queenUrl), context_window: connection.contextTokens },
          },
        }),
      },
      ...(connection.keyVariable === undefined
        ? []
        : [{ place: 'In the shell that starts Zed', text: exports({ OLLAMA_API_KEY: shellKey(connection) }) }]),
    ],
    then: ({ model }) => `choose ${model} under Ollama in the agent panel`,
  },
  'open-webui': {
    title: 'Open WebUI',
    api: 'OpenAI',
    parts: (connection) => [
      {
        place: 'In a shell. Read at its first start; later, set them in its Admin Panel, Settings, Connections',
        text: exports({
          OPENAI_API_BASE_URL: shellWord(apiUrls.OpenAI(connection.queenUrl)),
          OPENAI_API_KEY: shellKey(connection),
        }),
      },
    ],
    then: () =>
      'open-webui serve, or on Linux: docker run -d --network=host -e OPENAI_API_BASE_URL -e OPENAI_API_KEY -v open-webui:/app/backend/data ghcr.io/open-webui/open-webui:main',
  },
  aider: {
    title: 'aider',
    api: 'OpenAI',
    parts: (connection) => [
      {
        place: 'In a shell',
        text: exports({
          OPENAI_API_BASE: shellWord(apiUrls.OpenAI(connection.queenUrl)),
          OPENAI_API_KEY: shellKey(connection),
          AIDER_MODEL: shellWord(`openai/${connection.model}`),
        }),
      },
    ],
    then: () => 'aider',
  },
  langchain: {
    title: 'LangChain',
    api: 'OpenAI',
    parts: ({ queenUrl, keyVariable, model, embeddingModel }) => [
      {
        place: 'Python',
        text: [
          ...(keyVariable === undefined ? [] : ['import os']),
          `from langchain_openai import ChatOpenAI${embeddingModel === undefined ? '' : ', OpenAIEmbeddings'}`,
          '',
          ...pythonObject('model', 'ChatOpenAI', [
            `model=${quoted(model)}`,
            ...pythonConnection({ queenUrl, keyVariable }),
            // Not requested from other servers than OpenAI's, unless it is set.
            'stream_usage=True',
          ]),
          ...(embeddingModel === undefined
            ? []
            : pythonObject('embeddings', 'OpenAIEmbeddings', [
                `model=${quoted(embeddingModel)}`,
                ...pythonConnection({ queenUrl, keyVariable }),
                // Otherwise it sends tokens of OpenAI's models instead of text.
                'check_embedding_ctx_length=False',
              ])),
        ].join('\n'),
      },
      {
        place: 'JavaScript',
        text: [
          'import { ChatOpenAI } from "@langchain/openai";',
          '',
          'const model = new ChatOpenAI({',
          `  model: ${quoted(model)},`,
          `  apiKey: ${keyVariable === undefined ? quoted(ANY_KEY) : `process.env.${keyVariable}`},`,
          `  configuration: { baseURL: ${quoted(apiUrls.OpenAI(queenUrl))} },`,
          '});',
        ].join('\n'),
      },
    ],
    then: () => 'model.invoke("What does a bee do?")',
  },
};

function pythonConnection({ queenUrl, keyVariable }: Pick<Connection, 'queenUrl' | 'keyVariable'>): string[] {
  const key = keyVariable === undefined ? quoted(ANY_KEY) : `os.environ[${quoted(keyVariable)}]`;
  return [`base_url=${quoted(apiUrls.OpenAI(queenUrl))}`, `api_key=${key}`];
}

function pythonObject(name: string, type: string, settings: readonly string[]): string[] {
  return [`${name} = ${type}(`, ...settings.map((setting) => `    ${setting},`), ')'];
}

const LONGEST_ANSWER_TOKENS = 16_384;

/** A quarter of the context: the rest is for the prompt. */
function answerTokens(contextTokens: number): number {
  return Math.min(LONGEST_ANSWER_TOKENS, Math.floor(contextTokens / 4));
}
