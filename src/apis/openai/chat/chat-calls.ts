import { customInput } from '../call-arguments.ts';
import type { ToolForms } from './chat-tools.ts';

/**
 * The calls of one choice, as deltas. The first delta of a call identifies it, all later ones have only its index and a piece of the
 * arguments: clients take a repeated name for another call.
 */
export class ChatCalls {
  readonly #forms: ToolForms;
  /** The text so far of the call of a custom tool, which is known when the call is whole. */
  #custom: { index: number; text: string } | undefined;

  constructor(forms: ToolForms) {
    this.#forms = forms;
  }

  begin({ index, id, name }: { index: number; id: string; name: string }): object[] {
    const { isOlder, custom } = this.#forms;
    const ended = this.end();
    if (isOlder) return index === 0 ? [{ function_call: { name, arguments: '' } }] : [];
    if (!custom.has(name)) return [...ended, calls({ index, id, type: 'function', function: { name, arguments: '' } })];
    this.#custom = { index, text: '' };
    return [...ended, calls({ index, id, type: 'custom', custom: { name, input: '' } })];
  }

  piece({ index, text }: { index: number; text: string }): object[] {
    if (this.#forms.isOlder) return index === 0 ? [{ function_call: { arguments: text } }] : [];
    if (this.#custom?.index !== index) return [calls({ index, function: { arguments: text } })];
    this.#custom.text += text;
    return [];
  }

  /** What was held back. */
  end(): object[] {
    const held = this.#custom;
    this.#custom = undefined;
    return held === undefined ? [] : [calls({ index: held.index, custom: { input: customInput(held.text) } })];
  }
}

function calls(call: object): object {
  return { tool_calls: [call] };
}
