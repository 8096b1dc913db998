import type { Token } from 'node-llama-cpp';
import { JobError, promptTooLong, textOf } from '../../../contract/index.ts';
import type { RawPrompt } from '../engine.ts';
import type { ChatFormat, Prompt } from './chat-format.ts';
import type { PromptRequest } from './template/conversation.ts';
import type { Vocabulary } from './vocabulary.ts';

interface PromptOptions {
  format: ChatFormat;
  vocabulary: Vocabulary;
  contextSize: number;
  signal: AbortSignal;
}

/** A prompt that is longer than the context is counted up to this, so that the error can say by how much. */
const COUNTED_CONTEXTS = 2;

/**
 * The tokens of a conversation or of a raw prompt, with room for at least one more in the context.
 *
 * @throws JobError prompt_too_long, invalid_input; the signal's reason
 */
export async function promptWithin(request: PromptRequest | RawPrompt, options: PromptOptions): Promise<Prompt> {
  const { vocabulary, contextSize } = options;
  // No token stands for more bytes than the vocabulary's longest, so a text that would not fit even in such tokens is not tokenized.
  const atLeast = Math.ceil(bytesOf(request) / vocabulary.longestTokenBytes);
  if (atLeast >= contextSize) throw promptTooLong(`at least ${String(atLeast)}`, contextSize);
  const mostTokens = contextSize * COUNTED_CONTEXTS;
  const prompt = await made(request, options, mostTokens);
  const { length } = prompt.tokens;
  if (length > mostTokens) throw promptTooLong(`more than ${String(mostTokens)}`, contextSize);
  if (length >= contextSize) throw promptTooLong(length, contextSize);
  return prompt;
}

function made(request: PromptRequest | RawPrompt, options: PromptOptions, mostTokens: number): Promise<Prompt> | Prompt {
  const { format, vocabulary, signal } = options;
  const limit = { signal, mostTokens };
  if ('messages' in request) return format.chatPromptOf(request, limit);
  if ('text' in request) return format.rawPromptOf(request, limit);
  if (request.tokens.length === 0) throw new JobError('invalid_input', 'prompt_tokens: must not be empty');
  const strange = request.tokens.find((token) => token >= vocabulary.size);
  if (strange === undefined) return { tokens: request.tokens as Token[], isReasoning: false };
  throw unknownToken('prompt_tokens', strange, vocabulary);
}

export function unknownToken(field: string, token: number | string, { size }: Vocabulary): JobError {
  return new JobError(
    'invalid_input',
    `${field}: the model has no token ${String(token)}, only ${String(size)} tokens from 0 on`,
  );
}

/** Of what is in the prompt in any case. A template leaves out reasoning, and may do so with what it finds in earlier answers. */
function bytesOf(request: PromptRequest | RawPrompt): number {
  if ('tokens' in request) return request.tokens.length;
  if ('text' in request) return Buffer.byteLength(request.text) + Buffer.byteLength(request.suffix ?? '');
  const kept = request.messages.filter(({ role }) => role !== 'assistant');
  return kept.reduce((sum, message) => sum + Buffer.byteLength(textOf(message)), 0);
}
