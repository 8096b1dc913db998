import type { ChatHistoryItem, ChatWrapper, LlamaModel, LlamaText, Token } from 'node-llama-cpp';
import { JobError, type ChatMessage } from '../../../contract/index.ts';
import type { LlamaModule } from './llama-module.ts';

export interface ChatFormat {
  /** @throws JobError invalid_input when the model's template refuses the conversation */
  tokensOf(messages: readonly ChatMessage[]): Token[];
  /** Where an answer ends besides the model's own end tokens. */
  stop: readonly string[];
  /** True when answers begin with a space that separates them from the prompt. */
  startsWithSpace: boolean;
}

/**
 * How a conversation becomes tokens: by the chat template in the model's header, or plainly where it has none. Only the
 * template's own text may become control tokens; a `<|im_end|>` inside a message is text like any other.
 * A conversation that ends with an assistant message is continued from there.
 *
 * A template that we cannot read makes the model unusable: prompted in a format that it was never trained on, it would
 * answer, badly, and look like a bad model.
 *
 * @throws JobError model_corrupt
 */
export function chatFormatOf(module: LlamaModule, model: LlamaModel): ChatFormat {
  const template = model.fileInfo.metadata.tokenizer.chat_template;
  if (template === undefined || template.trim() === '') return plainFormat(module, model);
  const wrapper = readTemplate(template, module, model);
  return {
    stop: [],
    startsWithSpace: false,
    tokensOf(messages) {
      const chatHistory = messages.map(historyItem);
      try {
        return tokenize(wrapper.generateContextState({ chatHistory }).contextText, model);
      } catch (cause) {
        const words = cause instanceof Error ? cause.message : String(cause);
        throw new JobError('invalid_input', `The model's chat template refuses this conversation: ${words}`, { cause });
      }
    },
  };
}

function readTemplate(template: string, module: LlamaModule, model: LlamaModel): ChatWrapper {
  try {
    return new module.JinjaTemplateChatWrapper({
      template,
      tokenizer: model.tokenizer,
      // We call no functions, and finding out how the template would is most of the work of reading it.
      functionCallMessageTemplate: 'noJinja',
      joinAdjacentMessagesOfTheSameType: false,
      additionalRenderParameters: { add_generation_prompt: true },
    });
  } catch (cause) {
    throw new JobError('model_corrupt', `The chat template of ${model.filename} cannot be read: ${String(cause)}`, { cause });
  }
}

/**
 * For models without a template, which were trained on text and on no dialogue: `<system>\n\nUser: <message>\nAssistant: <message>\n`
 * and so on, up to a last `Assistant:`. Such a model goes on to write the user's next line, so an answer ends there.
 */
function plainFormat(module: LlamaModule, model: LlamaModel): ChatFormat {
  const line = {
    system: (text: string) => `${text}\n\n`,
    user: (text: string) => `User: ${text}\n`,
    assistant: (text: string) => `Assistant: ${text}\n`,
  };
  return {
    stop: ['\nUser:'],
    startsWithSpace: true,
    tokensOf(messages) {
      const last = messages.at(-1);
      const begun = last?.role === 'assistant' ? ` ${last.content}` : '';
      const turns = begun === '' ? messages : messages.slice(0, -1);
      const text = turns.map(({ role, content }) => line[role](content)).join('');
      return tokenize(module.LlamaText(`${text}Assistant:${begun}`), model);
    },
  };
}

function historyItem({ role, content }: ChatMessage): ChatHistoryItem {
  return role === 'assistant' ? { type: 'model', response: [content] } : { type: role, text: content };
}

/** Begins with the token that begins every text, where the header asks for one and the template did not write it: as llama.cpp does. */
function tokenize(text: LlamaText, model: LlamaModel): Token[] {
  const tokens = text.tokenize(model.tokenizer);
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}
