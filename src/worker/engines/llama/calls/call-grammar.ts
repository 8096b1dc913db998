import type { Tool } from '../../../../contract/index.ts';
import { GbnfWriter, quoted } from '../schema/gbnf-writer.ts';
import { anyShape, type Shape } from '../schema/shape.ts';
import { ID, type CallForm } from './call-form.ts';

export interface CallTool extends Pick<Tool, 'name'> {
  /** What its arguments may be. */
  shape: Shape;
}

/** Any object: for tools without a schema that a grammar could hold. */
export function anyArguments(): Shape {
  return { kind: 'object', fields: [], entries: { names: undefined, value: anyShape(), least: 0, most: Infinity } };
}

export interface CallGrammarOptions {
  form: CallForm;
  tools: readonly CallTool[];
  isParallel: boolean;
  /** The beginning of the form that is written already. */
  begun: string;
  /** What an answer may be instead of calls. */
  otherwise?: Shape | undefined;
}

/** A grammar of calls, in GBNF: from what is written of the first call to the end of the last. */
export function callGrammar({ form, tools, isParallel, begun, otherwise }: CallGrammarOptions): string {
  const writer = new GbnfWriter();
  const names = tools.map(({ name, shape }, index) => {
    writer.add(`call-${String(index)}`, `${literal(JSON.stringify(name).slice(1, -1) + form.infix)} ${writer.rule(shape)}`);
    return `call-${String(index)}`;
  });
  writer.add('id', '[a-zA-Z0-9]{9}');
  writer.add('call', names.join(' | '));
  const more = isParallel && form.between !== '' ? `(${literal(form.between)} call)*` : '';
  const calls = `${literal(form.before.slice(begun.length))} call ${more} ${literal(form.after)}`.replaceAll(/ +/g, ' ').trim();
  writer.add('root', otherwise ? `${writer.rule(otherwise)} | ${calls}` : calls);
  return writer.grammar();
}

function literal(text: string): string {
  return text
    .split(ID)
    .map((part) => (part === '' ? '' : quoted(part)))
    .join(' id ')
    .trim();
}
