import type { Worker } from 'node:worker_threads';
import type { LlamaModel, Token } from 'node-llama-cpp';
import { JobError, type ChatMessage } from '../../../contract/index.ts';
import type { RawText } from '../engine.ts';
import { PromptGuard } from './prompt-guard.ts';
import { PromptTokenizer, type TokenLimit } from './prompt-tokenizer.ts';
import { PLAIN, type TemplateCapabilities } from './template/capabilities.ts';
import { rawTokensOf } from './raw-prompt.ts';
import { conversationOf, type PromptRequest } from './template/conversation.ts';
import { folded } from './template/folding.ts';
import { TemplateThread } from './template/thread.ts';
import { endTextsOf, tokenTextsOf } from './token-texts.ts';

export interface Prompt {
  tokens: Token[];
  /** True when the answer begins in the middle of reasoning: the prompt has opened it. */
  isReasoning: boolean;
}

export interface ChatFormat {
  /** @throws JobError invalid_input when the model's template refuses the conversation; the signal's reason */
  chatPromptOf(request: PromptRequest, limit: TokenLimit): Promise<Prompt>;
  /** A prompt that the client writes itself. @throws JobError invalid_input; the signal's reason */
  rawPromptOf(raw: RawText, limit: TokenLimit): Promise<Prompt>;
  /** Where an answer ends besides the model's own end tokens. */
  stop: readonly string[];
  /** True when answers begin with a space that separates them from the prompt. */
  startsWithSpace: boolean;
  /** What the template takes of a conversation. The rest is folded into it. */
  capabilities: TemplateCapabilities;
  close(): Promise<void>;
}

/**
 * Turns a conversation into tokens: by the chat template in the model's header, or as a plain dialogue where it has none. Only the
 * template's own text may become control tokens; a `<|im_end|>` inside a message is text like any other.
 * A conversation that ends with an assistant message is continued from there.
 *
 * No template keeps a model from being loaded: one that refuses a conversation refuses it, with its own words.
 *
 * @param renderer a thread for the template that was started before, while the engine and the model were loaded
 */
export async function chatFormatOf(model: LlamaModel, renderer?: Worker): Promise<ChatFormat> {
  const template = model.fileInfo.metadata.tokenizer.chat_template;
  const tokenizer = new PromptTokenizer(model);
  const rawPromptOf: ChatFormat['rawPromptOf'] = async (raw, limit) => ({
    tokens: await rawTokensOf(raw, limit, { model, tokenizer }),
    isReasoning: false,
  });
  if (template === undefined || template.trim() === '') {
    await renderer?.terminate();
    return { ...plainFormat(tokenizer), rawPromptOf };
  }
  const thread = await TemplateThread.open({
    template,
    constants: constantsOf(model),
    ends: endTextsOf(model),
    thread: renderer,
  });
  const guard = new PromptGuard(tokenTextsOf(model).control);
  return {
    stop: [],
    startsWithSpace: false,
    capabilities: thread.capabilities,
    rawPromptOf,
    async chatPromptOf(request, limit) {
      const { conversation, mark } = guard.guard(conversationOf(request));
      const { text, isReasoning } = await thread.render(conversation, limit.signal).catch((cause: unknown) => {
        throw refusal(cause, { mark, signal: limit.signal });
      });
      const whole = mark === undefined ? text : text.replaceAll(escapedAs(mark), mark);
      return { tokens: await tokenizer.tokenize(whole, limit, { mark }), isReasoning };
    },
    close: () => thread.close(),
  };
}

function constantsOf({ tokens }: LlamaModel): Record<string, string> {
  return {
    ...(tokens.bosString !== null && { bos_token: tokens.bosString }),
    ...(tokens.eosString !== null && { eos_token: tokens.eosString }),
  };
}

/** What a template makes of a mark that writes JSON in ASCII. */
function escapedAs(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16)}`;
}

function refusal(cause: unknown, { mark = '', signal }: { mark: string | undefined; signal: AbortSignal }): unknown {
  if (signal.aborted) return signal.reason;
  const words = (cause instanceof Error ? cause.message : String(cause)).replaceAll(mark, '');
  return new JobError('invalid_input', `The model's chat template refuses this conversation: ${words}`, { cause });
}

/**
 * For models without a template, which were trained on text and on no dialogue: `<system>\n\nUser: <message>\nAssistant: <message>\n`
 * and so on, up to a last `Assistant:`. Such a model continues with the user's next line, so an answer ends there.
 */
function plainFormat(tokenizer: PromptTokenizer): Omit<ChatFormat, 'rawPromptOf'> {
  const line: Record<ChatMessage['role'], (text: string) => string> = {
    system: (text) => `${text}\n\n`,
    user: (text) => `User: ${text}\n`,
    tool: (text) => `User: ${text}\n`,
    assistant: (text) => `Assistant: ${text}\n`,
  };
  const takes = {
    ...PLAIN,
    system: true,
    laterSystem: true,
    adjacentUsers: true,
    adjacentAssistants: true,
    assistantFirst: true,
  };
  return {
    stop: ['\nUser:'],
    startsWithSpace: true,
    capabilities: takes,
    async chatPromptOf(request, limit) {
      const { messages } = folded(conversationOf(request), takes);
      const last = messages.at(-1);
      const begun = last?.role === 'assistant' ? ` ${last.content}` : '';
      const turns = begun === '' ? messages : messages.slice(0, -1);
      const text = turns.map((message) => line[message.role](message.content)).join('');
      return { tokens: await tokenizer.tokenize(`${text}Assistant:${begun}`, limit, { isPlain: true }), isReasoning: false };
    },
    close: async () => undefined,
  };
}
