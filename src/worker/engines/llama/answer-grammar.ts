import { callsRule, type CallGrammarOptions } from './calls/call-grammar.ts';
import { GbnfWriter, quoted } from './schema/gbnf-writer.ts';
import type { Shape } from './schema/shape.ts';

export interface AnswerGrammar {
  /** An answer may be JSON of this shape. */
  json?: Shape | undefined;
  /** It may be calls. */
  calls?: CallGrammarOptions | undefined;
  /** It may begin with reasoning, and this opens it. */
  opens?: string | undefined;
  /** White space may be before it: it comes after reasoning. */
  isLater?: boolean;
}

/** What an answer, or the rest of one, may be: the text of a grammar in GBNF. */
export function answerGrammar({ json, calls, opens, isLater = false }: AnswerGrammar): string {
  const writer = new GbnfWriter();
  const options: string[] = [];
  if (json) options.push(writer.rule(json));
  if (calls) options.push(callsRule(writer, calls));
  // What the reasoning is, is not the grammar's business: it is replaced when the reasoning has ended.
  if (opens !== undefined) options.push(`"\\n"? ${quoted(opens.trim())} [^\\x00]*`);
  const [only = ''] = options;
  const root = options.length === 1 ? only : `(${options.join(' | ')})`;
  writer.add('root', isLater ? `"\\n"? "\\n"? ${root}` : root);
  return writer.grammar();
}
