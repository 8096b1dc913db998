import type { ChatHistoryItem, JinjaTemplateChatWrapperOptions, LlamaModel, LlamaTextJSON, Token } from 'node-llama-cpp';
import { JobError, textOf, type ChatMessage } from '../../../contract/index.ts';
import { templateRenderer } from './llama-module.ts';
import { PromptTokenizer, type TokenLimit } from './prompt-tokenizer.ts';
import { TemplateThread } from './template-thread.ts';

export interface ChatFormat {
  /** @throws JobError invalid_input when the model's template refuses the conversation; the signal's reason */
  tokensOf(messages: readonly ChatMessage[], limit: TokenLimit): Promise<Token[]>;
  /** Where an answer ends besides the model's own end tokens. */
  stop: readonly string[];
  /** True when answers begin with a space that separates them from the prompt. */
  startsWithSpace: boolean;
  close(): Promise<void>;
}

/**
 * Turns a conversation into tokens: by the chat template in the model's header, or as a plain dialogue where it has none. Only the
 * template's own text may become control tokens; a `<|im_end|>` inside a message is text like any other.
 * A conversation that ends with an assistant message is continued from there.
 *
 * A model whose template cannot be read is refused: in a format that it was not trained on, it would give bad answers, and look like
 * a bad model.
 *
 * @throws JobError model_corrupt
 */
export async function chatFormatOf(model: LlamaModel): Promise<ChatFormat> {
  const template = model.fileInfo.metadata.tokenizer.chat_template;
  const tokenizer = new PromptTokenizer(model);
  if (template === undefined || template.trim() === '') return plainFormat(tokenizer);
  const thread = await openTemplate(template, model);
  return {
    stop: [],
    startsWithSpace: false,
    tokensOf: async (messages, limit) => tokenizer.tokenize(await render(thread, messages, limit.signal), limit),
    close: () => thread.close(),
  };
}

async function render(thread: TemplateThread, messages: readonly ChatMessage[], signal: AbortSignal): Promise<LlamaTextJSON> {
  try {
    return await thread.render(messages.map(historyItem), signal);
  } catch (cause) {
    signal.throwIfAborted();
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new JobError('invalid_input', `The model's chat template refuses this conversation: ${words}`, { cause });
  }
}

async function openTemplate(template: string, model: LlamaModel): Promise<TemplateThread> {
  const options: JinjaTemplateChatWrapperOptions = {
    template,
    // rbee calls no functions, and detecting how the template writes calls is most of the work of reading it.
    functionCallMessageTemplate: 'noJinja',
    joinAdjacentMessagesOfTheSameType: false,
    additionalRenderParameters: { add_generation_prompt: true },
  };
  try {
    return await TemplateThread.open({ wrapper: await templateRenderer(), options });
  } catch (cause) {
    throw new JobError('model_corrupt', `The chat template of ${model.filename} cannot be read: ${String(cause)}`, { cause });
  }
}

/**
 * For models without a template, which were trained on text and on no dialogue: `<system>\n\nUser: <message>\nAssistant: <message>\n`
 * and so on, up to a last `Assistant:`. Such a model continues with the user's next line, so an answer ends there.
 */
function plainFormat(tokenizer: PromptTokenizer): ChatFormat {
  const line = {
    system: (text: string) => `${text}\n\n`,
    user: (text: string) => `User: ${text}\n`,
    assistant: (text: string) => `Assistant: ${text}\n`,
  };
  return {
    stop: ['\nUser:'],
    startsWithSpace: true,
    tokensOf(messages, limit) {
      const last = messages.at(-1);
      const begun = last?.role === 'assistant' ? ` ${textOf(last)}` : '';
      const turns = begun === '' ? messages : messages.slice(0, -1);
      const text = turns.map((message) => line[knownRole(message)](textOf(message))).join('');
      return tokenizer.tokenize(`${text}Assistant:${begun}`, limit);
    },
    close: async () => undefined,
  };
}

function historyItem(message: ChatMessage): ChatHistoryItem {
  const role = knownRole(message);
  const text = textOf(message);
  return role === 'assistant' ? { type: 'model', response: [text] } : { type: role, text };
}

function knownRole({ role }: ChatMessage): Exclude<ChatMessage['role'], 'tool'> {
  if (role === 'tool') throw new JobError('invalid_input', 'messages: this engine takes no results of tools');
  return role;
}
