import { describe, expect, test } from 'vitest';
import { JobError, operations } from '../../contract/index.ts';
import { messagesBody } from './body.ts';
import { inferInputOf } from './infer-input.ts';

const basis = { model: 'tiny', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] };
const translate = (body: object) => {
  const input = inferInputOf(messagesBody.parse({ ...basis, ...body }));
  // What leaves here is always an input of the contract.
  operations.infer.input.parse(input);
  return input;
};
const turns = (body: object) => translate(body).messages;
const refusal = (body: object): string => {
  try {
    translate(body);
  } catch (error) {
    if (error instanceof JobError && error.code === 'invalid_input') return error.message;
    throw error;
  }
  return 'accepted';
};
const weather = {
  name: 'weather',
  description: 'Of a town',
  input_schema: { type: 'object', properties: { town: { type: 'string' } } },
};

test('the smallest body is a conversation that is not streamed', () => {
  expect(translate({})).toEqual({ model: 'tiny', max_tokens: 9, stream: false, messages: [{ role: 'user', content: 'Hi' }] });
});

test('sampling fields are passed on, null is left out, and a larger wish is cut', () => {
  const sampling = { temperature: 1.5, top_p: 0.5, top_k: 10_000_000, stop_sequences: ['END', ''], max_tokens: 5_000_000 };
  expect(translate({ ...sampling, stream: true })).toMatchObject({
    temperature: 1.5,
    top_p: 0.5,
    top_k: 100_000,
    stop: ['END'],
    max_tokens: 1_000_000,
    stream: true,
  });
  const nothing = {
    temperature: null,
    top_p: null,
    top_k: null,
    stop_sequences: null,
    system: null,
    tools: null,
    thinking: null,
  };
  expect(translate({ ...nothing, stream: null, tool_choice: null, output_config: null })).toEqual(translate({}));
});

test('fields that mean nothing here are ignored, at every depth', () => {
  const cached = { cache_control: { type: 'ephemeral' } };
  const body = {
    metadata: { user_id: 'u' },
    service_tier: 'auto',
    context_management: { edits: [] },
    container: null,
    mcp_servers: [],
    speed: 'fast',
    betas: ['x'],
    tomorrow: 1,
    system: [{ type: 'text', text: 'Be brief.', ...cached }],
    messages: [{ role: 'user', id: 'x', content: [{ type: 'text', text: 'Hi', ...cached, citations: null }] }],
    tools: [{ ...weather, ...cached, strict: true, defer_loading: true, eager_input_streaming: true }],
  };
  expect(translate(body)).toEqual({
    ...translate({ system: 'Be brief.' }),
    tools: [{ name: 'weather', description: 'Of a town', parameters: weather.input_schema }],
  });
});

describe('system', () => {
  const billing = 'x-anthropic-billing-header: cc_version=2.1.36; cch=00000;';
  test.each([
    ['a string', 'Be brief.', 'Be brief.'],
    [
      'blocks',
      [
        { type: 'text', text: 'One.' },
        { type: 'text', text: 'Two.' },
      ],
      'One.\n\nTwo.',
    ],
    [
      'the billing block, which changes with every request',
      [
        { type: 'text', text: billing },
        { type: 'text', text: 'Two.' },
      ],
      'Two.',
    ],
    ['the billing line at the head of a string', `${billing}\nBe brief.`, 'Be brief.'],
  ])('%s', (_title, system, content) => {
    expect(turns({ system })).toEqual([
      { role: 'system', content },
      { role: 'user', content: 'Hi' },
    ]);
  });

  test.each([[''], [[]], [billing], [[{ type: 'text', text: billing }]]])('%j is none', (system) => {
    expect(turns({ system })).toEqual([{ role: 'user', content: 'Hi' }]);
  });

  test('a system message later in the conversation stays where it is; one without text is dropped', () => {
    const later = [
      ...basis.messages,
      { role: 'system', content: [{ type: 'text', text: 'Now in French.' }] },
      { role: 'system' },
    ];
    expect(turns({ messages: later })).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'system', content: 'Now in French.' },
    ]);
  });
});

describe('blocks', () => {
  const user = (...content: object[]) => turns({ messages: [{ role: 'user', content }] });

  test('the results of tools come first, in their order and with the names of their tools, then the text', () => {
    const call = { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { town: 'Ghent' } };
    const messages = [
      {
        role: 'assistant',
        content: [{ type: 'thinking', thinking: 'Hm.', signature: 's' }, { type: 'text', text: 'Let me look.' }, call],
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'And?' },
          { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'wet' }] },
          { type: 'tool_result', tool_use_id: 'toolu_2', content: 'no such town', is_error: true },
          { type: 'tool_result', tool_use_id: 'toolu_3' },
        ],
      },
    ];
    expect(turns({ messages })).toEqual([
      {
        role: 'assistant',
        content: 'Let me look.',
        reasoning: 'Hm.',
        tool_calls: [{ id: 'toolu_1', name: 'weather', arguments: '{"town":"Ghent"}' }],
      },
      { role: 'tool', content: 'wet', tool_call_id: 'toolu_1', name: 'weather' },
      { role: 'tool', content: 'Error: no such town', tool_call_id: 'toolu_2' },
      { role: 'tool', content: '', tool_call_id: 'toolu_3' },
      { role: 'user', content: 'And?' },
    ]);
  });

  test.each([
    [
      'a document of text',
      { type: 'document', title: 'T', source: { type: 'text', media_type: 'text/plain', data: 'D' } },
      'T\nD',
    ],
    ['a document of blocks', { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'D' }] } }, 'D'],
    ['a search result', { type: 'search_result', title: 'T', source: 's', content: [{ type: 'text', text: 'C' }] }, 'T\ns\nC'],
    ['a call of a server tool', { type: 'server_tool_use', name: 'web_search', input: { q: 1 } }, '[web_search] {"q":1}'],
    ['a result of one', { type: 'web_search_tool_result', content: [] }, '[web_search_tool_result] []'],
  ])('%s is text', (_title, block, content) => {
    expect(user(block)).toEqual([{ role: 'user', content }]);
  });

  test('an image is passed on, in a message and in a result', () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } };
    const part = { type: 'image', media_type: 'image/png', data: 'aGk=' };
    expect(user({ type: 'text', text: 'What?' }, image, { type: 'tool_result', tool_use_id: 't', content: [image] })).toEqual([
      { role: 'tool', content: [part], tool_call_id: 't' },
      { role: 'user', content: [{ type: 'text', text: 'What?' }, part] },
    ]);
  });

  test('reasoning whose text was left out comes back with its signature', () => {
    const content = [
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'thinking', thinking: '', signature: `rbee:${Buffer.from('Hm.').toString('base64')}` },
      { type: 'thinking', thinking: '', signature: 'foreign' },
    ];
    expect(turns({ messages: [{ role: 'assistant', content }] })).toEqual([{ role: 'assistant', content: '', reasoning: 'Hm.' }]);
  });

  test('space at the end of the answer that is to be continued is trimmed', () => {
    expect(turns({ messages: [...basis.messages, { role: 'assistant', content: 'It is \n' }] })).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'It is' },
    ]);
  });

  test.each([
    [
      { type: 'image', source: { type: 'url', url: 'http://x/y.png' } },
      /^messages\.0\.content\.0\.source: images are taken as base64/,
    ],
    [
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: '' } },
      /documents are taken as text only/,
    ],
    [{ type: 'hologram' }, /^messages\.0\.content\.0\.type: unknown type of content block 'hologram'/],
    [{ type: 'text' }, /^messages\.0\.content\.0\.text: /],
    [{ type: 'tool_result' }, /^messages\.0\.content\.0\.tool_use_id: /],
    [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'hologram' }] }, /^messages\.0\.content\.0\.content\.0\.type: /],
    [
      { type: 'tool_result', tool_use_id: 't', content: [{ type: 'tool_reference' }] },
      /^messages\.0\.content\.0\.content\.0\.tool_name: /,
    ],
  ])('%j is refused by its place', (block, words) => {
    expect(refusal({ messages: [{ role: 'user', content: [block] }] })).toMatch(words);
  });
});

/** As Claude Code sends them: it searches its deferred tools itself, and has each it found in `tools` from then on. */
test('the tools that a search has found are named in its result', () => {
  const found = ['WebFetch', 'WebSearch'].map((tool_name) => ({ type: 'tool_reference', tool_name }));
  const messages = [
    ...basis.messages,
    {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'toolu_1', name: 'ToolSearch', input: { query: 'select:WebFetch' } }],
    },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: found }] },
  ];
  expect(turns({ messages })?.at(-1)).toEqual({
    role: 'tool',
    tool_call_id: 'toolu_1',
    name: 'ToolSearch',
    content: '[WebFetch is loaded][WebSearch is loaded]',
  });
});

describe('tools', () => {
  const named = { type: 'web_search_20250305', name: 'web_search' };
  const tools = [weather, { name: 'now', type: 'custom', description: null, input_schema: null }];

  test("the client's own are passed on, those that run at Anthropic are dropped", () => {
    expect(translate({ tools: [named, ...tools] }).tools).toEqual([
      { name: 'weather', description: 'Of a town', parameters: weather.input_schema },
      { name: 'now' },
    ]);
    expect(translate({ tools: [named], tool_choice: { type: 'auto' } })).toEqual(translate({}));
  });

  describe('that messages change', () => {
    const namesAfter = (...content: object[]) => {
      const messages = [...basis.messages, { role: 'system', content }];
      expect(turns({ tools, messages })).toEqual(turns({}));
      return translate({ tools, messages }).tools?.map(({ name }) => name);
    };
    const reference = (name: string) => ({ type: 'tool_reference', name });
    const definition = { ...weather, name: 'tides' };

    test('are withdrawn, added by their definition, and offered again, without words for the model', () => {
      const added = { type: 'tool_addition', tool: { type: 'tool_definition', definition } };
      const withdrawn = { type: 'tool_removal', tool: reference('weather') };
      expect(namesAfter(withdrawn)).toEqual(['now']);
      expect(namesAfter(withdrawn, added)).toEqual(['now', 'tides']);
      expect(namesAfter(withdrawn, { type: 'tool_addition', tool: reference('weather') })).toEqual(['now', 'weather']);
    });

    test('stay as they are where the tool is unknown, or of an MCP server', () => {
      const ofServer = { type: 'mcp_tool_reference', server_name: 's', name: 'weather' };
      expect(namesAfter({ type: 'tool_removal', tool: ofServer }, { type: 'tool_addition', tool: reference('tides') })).toEqual([
        'weather',
        'now',
      ]);
    });

    test('are refused by their place where a definition has no name', () => {
      const added = { type: 'tool_addition', tool: { type: 'tool_definition', definition: { input_schema: {} } } };
      expect(refusal({ messages: [{ role: 'system', content: [added] }] })).toMatch(
        /^messages\.0\.content\.0\.tool\.definition\.name: is missing/,
      );
    });
  });

  test.each([
    [{ type: 'auto' }, { tool_choice: 'auto' }],
    [{ type: 'none' }, { tool_choice: 'none' }],
    [
      { type: 'any', disable_parallel_tool_use: true },
      { tool_choice: 'required', parallel_tool_calls: false },
    ],
    [{ type: 'tool', name: 'now' }, { tool_choice: { names: ['now'], required: true } }],
  ])('%j', (tool_choice, expected) => {
    expect(translate({ tools, tool_choice })).toMatchObject(expected);
  });

  test('a choice that no tool can fulfil is refused', () => {
    expect(refusal({ tools, tool_choice: { type: 'tool', name: 'here' } })).toMatch(
      /^tool_choice\.name: no tool has the name 'here'/,
    );
    expect(refusal({ tool_choice: { type: 'any' } })).toMatch(/^tool_choice: /);
    expect(refusal({ tools: [{ input_schema: {} }] })).toMatch(/^tools\.0\.name: /);
  });
});

describe('thinking and effort', () => {
  test.each([
    [{ thinking: { type: 'enabled', budget_tokens: 2048.5 } }, { on: true, budget: 2048 }],
    [{ thinking: { type: 'enabled', budget_tokens: -1 } }, { on: true, budget: 0 }],
    [
      { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } },
      { on: true, effort: 'high' },
    ],
    [{ thinking: { type: 'between_tools' } }, { on: true }],
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'low' } }, { on: false }],
    [{ output_config: { effort: 'low' } }, { effort: 'low' }],
    [{ output_config: { effort: 'heroic' } }, undefined],
    [{}, undefined],
  ])('%j', (body, reasoning) => {
    expect(translate(body).reasoning).toEqual(reasoning);
  });
});

describe('a schema for the answer', () => {
  const schema = { type: 'object' };
  test.each([
    [{ output_config: { format: { type: 'json_schema', schema } } }],
    [{ output_format: { type: 'json_schema', schema } }],
  ])('%j', (body) => {
    expect(translate(body).json_schema).toEqual(schema);
  });

  test('without one, or of another type, it is refused', () => {
    expect(refusal({ output_config: { format: { type: 'json_schema' } } })).toMatch(/^output_config\.format\.schema: /);
    expect(refusal({ output_format: { type: 'yaml' } })).toMatch(/^output_format\.type: /);
  });
});

test('a thread is refused, so that the client sends the whole conversation', () => {
  expect(refusal({ thread: { id: 'thread_1' } })).toMatch(/^thread: /);
  expect(refusal({ thread: null })).toBe('accepted');
});
