import type { Token } from 'node-llama-cpp';
import { promptTooLong, textOf, type ChatMessage } from '../../../contract/index.ts';
import type { ChatFormat } from './chat-format.ts';
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
 * The tokens of a conversation, with room for at least one more in the context.
 *
 * @throws JobError prompt_too_long, invalid_input; the signal's reason
 */
export async function promptOf(
  messages: readonly ChatMessage[],
  { format, vocabulary, contextSize, signal }: PromptOptions,
): Promise<Token[]> {
  // No token stands for more bytes than the vocabulary's longest, so a text that would not fit even in such tokens is not tokenized.
  const bytes = messages.reduce((sum, message) => sum + Buffer.byteLength(textOf(message)), 0);
  const atLeast = Math.ceil(bytes / vocabulary.longestTokenBytes);
  if (atLeast >= contextSize) throw promptTooLong(`at least ${String(atLeast)}`, contextSize);
  const mostTokens = contextSize * COUNTED_CONTEXTS;
  const tokens = await format.tokensOf(messages, { signal, mostTokens });
  if (tokens.length > mostTokens) throw promptTooLong(`more than ${String(mostTokens)}`, contextSize);
  if (tokens.length >= contextSize) throw promptTooLong(tokens.length, contextSize);
  return tokens;
}
