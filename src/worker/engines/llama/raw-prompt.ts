import type { LlamaModel, Token } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import type { RawText } from '../engine.ts';
import type { PromptTokenizer, TokenLimit } from './prompt-tokenizer.ts';

/**
 * The tokens of a prompt without a template. The names of control tokens in it are those tokens, unless it is text around a gap: that
 * comes from an editor, and is text whatever it looks like.
 *
 * @throws JobError invalid_input
 */
export async function rawTokensOf(
  { text, suffix }: RawText,
  limit: TokenLimit,
  { model, tokenizer }: { model: LlamaModel; tokenizer: PromptTokenizer },
): Promise<Token[]> {
  const { bos, eos } = model.tokens;
  if (suffix === undefined) {
    const tokens = await tokenizer.tokenize(text, limit);
    if (tokens.length > 0) return tokens;
    // A model continues from a token. This one stands for nothing before it.
    const start = bos ?? eos;
    if (start === null) throw new JobError('invalid_input', 'prompt: must not be empty for this model');
    return [start];
  }
  const { prefix, suffix: after, middle } = model.tokens.infill;
  if (prefix === null || after === null)
    throw new JobError('invalid_input', 'suffix: this model was not trained to fill in the middle');
  const plain = async (part: string) => withoutStart(await tokenizer.tokenize(part, limit, { isPlain: true, isContinued: true }));
  const withoutStart = (tokens: Token[]) => (model.tokens.shouldPrependBosToken && tokens[0] === bos ? tokens.slice(1) : tokens);
  const start = model.tokens.shouldPrependBosToken && bos !== null ? [bos] : [];
  const before = [prefix, ...(await plain(text))];
  const behind = [after, ...(await plain(suffix))];
  // A model without a token for the gap fills it in at the end of what is before it.
  return middle === null ? [...start, ...behind, ...before] : [...start, ...before, ...behind, middle];
}
