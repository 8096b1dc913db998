import type { Tool } from '../../../../contract/index.ts';
import { channelsBefore } from '../calls/channels.ts';
import { callFormOf } from '../calls/find-form.ts';
import type { Template } from '../jinja/template.ts';
import { PLAIN, type TemplateCapabilities } from './capabilities.ts';
import type { Conversation, TemplateCall, TemplateMessage } from './conversation.ts';
import { variablesOf } from './prompt-text.ts';
import { reasoningOf } from './reasoning-tags.ts';

const REASONING_MEMBERS = ['reasoning_content', 'reasoning', 'thinking', 'thought'];
const REASONING_SWITCHES = ['enable_thinking', 'thinking', 'reasoning', 'enable_reasoning'];
const MOST_CHARACTERS = 1_000_000;

const user: TemplateMessage = { role: 'user', content: 'probe-user' };
const again: TemplateMessage = { role: 'user', content: 'probe-again' };
const system: TemplateMessage = { role: 'system', content: 'probe-system' };
const answer: TemplateMessage = { role: 'assistant', content: 'probe-answer' };
const more: TemplateMessage = { role: 'assistant', content: 'probe-more' };
const tool: Tool = {
  name: 'probe_tool',
  description: 'A tool',
  parameters: { type: 'object', properties: { probe_key: { type: 'string', description: 'A value' } }, required: ['probe_key'] },
};
const call = (id: string, value: string): TemplateCall => ({
  id,
  name: tool.name,
  arguments: { probe_key: value },
  argumentsText: JSON.stringify({ probe_key: value }),
});
const calling = (...calls: TemplateCall[]): TemplateMessage => ({ role: 'assistant', content: '', calls });
const result = (callId: string, content: string): TemplateMessage => ({ role: 'tool', content, callId, name: tool.name });
const [FIRST, SECOND, LONG] = ['probe0001', 'probe0002', 'call_probe_0003'];
const NUMBER = 8675309;
const LINES = 'probe <\n& lines';
const [first, second] = [call(FIRST, 'probe-one'), call(SECOND, 'probe-two')];
const several = { ...first.arguments, probe_more: NUMBER, probe_yes: true };
const withMore: TemplateCall = { ...first, arguments: several, argumentsText: JSON.stringify(several) };

interface Probed {
  source: string;
  constants: Readonly<Record<string, string>>;
  /** The texts of tokens that end an answer. */
  ends: readonly string[];
}

/** Finds what a template takes, by rendering conversations of a few words with it. */
export function probe(template: Template, { source, constants, ends }: Probed): TemplateCapabilities {
  const prober = new Prober(template, constants);
  prober.findContent();
  prober.findRoles();
  prober.findTools();
  prober.findReasoning();
  prober.found.reasoningTags = reasoningOf(source, ...prober.prompts);
  prober.findForm(ends);
  return prober.found;
}

type Probe = Partial<Pick<Conversation, 'tools' | 'variables'>>;

class Prober {
  found: TemplateCapabilities = { ...PLAIN, calls: 'object' };
  /** Those that differ by how much the model is to reason. */
  prompts: string[] = [];
  #template: Template;
  #constants: Readonly<Record<string, string>>;

  constructor(template: Template, constants: Readonly<Record<string, string>>) {
    this.#template = template;
    this.#constants = constants;
  }

  findContent(): void {
    if (this.#text([user]).includes(user.content)) return;
    this.found.content = 'parts';
    if (!this.#text([user]).includes(user.content)) this.found.content = 'text';
  }

  findRoles(): void {
    const takes = (...messages: TemplateMessage[]) =>
      inOrder(
        this.#text(messages),
        messages.map(({ content }) => content),
      );
    this.found.system = takes(system, user);
    this.found.laterSystem = takes(user, answer, system, again);
    this.found.adjacentUsers = takes(user, again);
    this.found.adjacentAssistants = takes(user, answer, more, again);
    this.found.assistantFirst = takes(answer, user);
  }

  findTools(): void {
    const tools = { tools: [tool] };
    const isTold = (messages: TemplateMessage[]) => this.#text(messages, tools).includes(tool.name);
    this.found.tools = isTold([user]) || (isTold([system, user]) && 'with system');
    const text = (...messages: TemplateMessage[]) => this.#text([user, ...messages], this.found.tools === false ? {} : tools);
    this.#findCalls((calls) => text(calling(...calls), ...calls.map(({ id }) => result(id, 'probe-result'))), first);
    this.found.toolRole = text(calling(first), result(FIRST, 'probe-result')).includes('probe-result');
    const both = text(calling(first, second), result(FIRST, 'probe-result'), result(SECOND, 'probe-other'));
    this.found.severalCalls =
      inOrder(both, ['probe-one', 'probe-two']) && both.includes('probe-result') && both.includes('probe-other');
    this.found.userAfterTool = inOrder(text(calling(first), result(FIRST, 'probe-result'), again), [
      'probe-result',
      again.content,
    ]);
    this.found.shortCallIds =
      this.found.calls !== false && !text(calling(call(LONG, 'probe-one')), result(LONG, 'probe-result')).includes('probe-one');
  }

  /** What is around the names and arguments of calls. Calls in another form could not be read: such tools are described in rbee's own form. */
  findForm(ends: readonly string[]): void {
    if (this.found.calls === false) {
      this.found.tools = false;
      return;
    }
    const tools = this.found.tools === false ? [] : [tool];
    const turn = (message: TemplateMessage) =>
      this.#text([user, message], { tools, variables: { add_generation_prompt: false } });
    const texts = {
      prompt: this.#text([user], { tools }),
      answered: turn(answer),
      answer: answer.content,
      one: turn(calling(first)),
      two: turn(calling(first, second)),
      more: turn(calling(withMore)),
      lines: turn(calling(call(FIRST, LINES))),
      reasoning: this.found.reasoningTags,
    };
    const parts = ({ id, name, arguments: { probe_key: value } }: TemplateCall) => ({
      id,
      name,
      key: 'probe_key',
      value: String(value),
    });
    this.found.channels = channelsBefore(texts.answered.slice(0, texts.answered.lastIndexOf(answer.content)));
    this.found.callForm = callFormOf(texts, [parts(first), parts(second)], {
      number: { key: 'probe_more', value: String(NUMBER) },
      flag: 'probe_yes',
      lines: LINES,
    });
    if (!this.found.callForm) this.found.tools = false;
    else this.found.callForm.after = upTo(this.found.callForm.after, ends);
  }

  /** As an object, unless Python's way to write one shows, or it is not written at all. */
  #findCalls(textOf: (calls: TemplateCall[]) => string, first: TemplateCall): void {
    for (const callsAlone of [false, true]) {
      this.found.callsAlone = callsAlone;
      this.found.calls = 'object';
      const written = textOf([first]);
      if (written.includes('probe-one') && !written.includes("'probe_key'")) return;
      this.found.calls = 'text';
      if (textOf([first]).includes('probe-one')) return;
    }
    this.found.callsAlone = false;
    this.found.calls = false;
  }

  findReasoning(): void {
    const thought = { reasoning: 'probe-thought' };
    const member = REASONING_MEMBERS.find((reasoningMember) => {
      const taking = { ...this.found, reasoningMember };
      const later = this.#text([user, { ...answer, ...thought }, again], {}, taking);
      this.prompts.push(later);
      const called = [user, { ...calling(first), ...thought }, result(FIRST, 'probe-result')];
      return later.includes(thought.reasoning) || this.#text(called, { tools: [tool] }, taking).includes(thought.reasoning);
    });
    this.found.reasoningMember = member;
    const unsaid = this.#text([user]);
    for (const variable of REASONING_SWITCHES) {
      const [on, off] = [true, false].map((isOn) => this.#text([user], { variables: { [variable]: isOn } }));
      if (on === undefined || off === undefined || on === off || on === '' || off === '') continue;
      this.prompts.push(on, off);
      this.found.reasoningSwitch = { variable, isOn: on === unsaid };
      break;
    }
    const [low = '', high = ''] = ['low', 'high'].map((effort) =>
      this.#text([user], { variables: { reasoning_effort: effort, enable_thinking: true } }),
    );
    this.found.reasoningEffort = low !== high;
    this.prompts.push(low, high);
  }

  /** The prompt; nothing when the template refuses it. */
  #text(messages: TemplateMessage[], { tools = [], variables = {} }: Probe = {}, capabilities = this.found): string {
    const shaped = variablesOf({ messages, tools, reasoning: {}, variables }, capabilities);
    try {
      return this.#template.render({ ...this.#constants, ...shaped, add_generation_prompt: true, ...variables }, MOST_CHARACTERS);
    } catch {
      return '';
    }
  }
}

/** An answer ends at one of these tokens, whatever a template writes behind it. */
function upTo(text: string, ends: readonly string[]): string {
  return text.slice(0, Math.min(text.length, ...ends.map((end) => text.indexOf(end)).filter((at) => at >= 0))).trimEnd();
}

function inOrder(text: string, words: readonly string[]): boolean {
  let at = 0;
  return words.every((word) => {
    const found = text.indexOf(word, at);
    at = found + word.length;
    return found >= 0;
  });
}
