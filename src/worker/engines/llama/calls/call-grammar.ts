import type { Tool } from '../../../../contract/index.ts';
import { quoted, type GbnfWriter } from '../schema/gbnf-writer.ts';
import { anyShape, type Shape } from '../schema/shape.ts';
import type { CallForm } from './call-form.ts';
import type { ChannelForm } from './channels.ts';
import { FORM_RULES, formParts, ID, INDEX } from './form-text.ts';
import { parametersRule } from './parameters-grammar.ts';

export interface CallTool extends Pick<Tool, 'name'> {
  /** What its arguments may be. */
  shape: Shape;
}

/** Any object: for tools without a schema that a grammar could hold. */
export function anyArguments(): Shape {
  return { kind: 'object', fields: [], entries: { names: undefined, value: anyShape(), least: 0, most: Infinity } };
}

export interface CallGrammarOptions {
  form: CallForm | ChannelForm;
  tools: readonly CallTool[];
  isParallel: boolean;
  /** The beginning of the form that is written already. */
  begun: string;
}

/** A rule for calls: from what is written of the first call to the end of the last. */
export function callsRule(writer: GbnfWriter, { form, tools, isParallel, begun }: CallGrammarOptions): string {
  for (const [name, body] of Object.entries(FORM_RULES)) writer.add(name, body);
  const names = tools.map(({ name, shape }, index) => {
    const tool = { name, shape, rule: `call-${String(index)}` };
    writer.add(tool.rule, 'message' in form ? messageBody(writer, tool, form) : callBody(writer, tool, form));
    return tool.rule;
  });
  writer.add('call', names.join(' | '));
  // A message in a channel is one call, and ends the answer.
  if ('message' in form) return 'call';
  const more = isParallel && form.between !== '' ? `(${literal(form.between)} call)*` : '';
  return [literal(form.before.slice(begun.length)), 'call', more, literal(form.after)].filter((part) => part !== '').join(' ');
}

interface RuledTool extends CallTool {
  /** The name of its rule. */
  rule: string;
}

function callBody(writer: GbnfWriter, { name, shape, rule }: RuledTool, { infix, parameters }: CallForm): string {
  if (parameters) return `${literal(name + infix)} ${parametersRule(writer, { shape, form: parameters, rule })}`;
  return `${literal(JSON.stringify(name).slice(1, -1) + infix)} ${writer.rule(shape)}`;
}

/** The rest of a header behind the recipient's mark, which may have the channel before or after it, and the arguments. */
function messageBody(writer: GbnfWriter, { name, shape }: CallTool, { channel, type, message, reasoning }: ChannelForm): string {
  const types = `(" "? ${quoted(type)} "json" | " json")?`;
  const rest = `(${quoted(channel)} ("commentary" | ${quoted(reasoning)}))? ${types} ${quoted(message)}`;
  return `${quoted(name)} ${rest} ${writer.rule(shape)}`;
}

function literal(text: string): string {
  return formParts(text)
    .map((part) => (part === ID ? 'id' : part === INDEX ? 'index' : quoted(part)))
    .join(' ');
}
