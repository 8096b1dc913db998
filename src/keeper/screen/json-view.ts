import { printable, type ErrorCode, type Narration } from '../../contract/index.ts';
import type { Failure, ShownEvent, Step } from '../shown.ts';
import type { Pane } from './pane.ts';
import type { View } from './view.ts';

const OUTPUT_FAILED = 'output_failed' satisfies ErrorCode;
/** A character outside of printable ASCII, with both halves of a surrogate pair. */
const NOT_PLAIN = /[^\u0020-\u007e]/gu;

function escaped(character: string): string {
  if (printable(character) === character) return character;
  return Array.from(
    { length: character.length },
    (_half, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}

/** One JSON object a line on stdout, and nothing on stderr except that stdout cannot be written. */
export class JsonView implements View {
  readonly #out: Pane;
  readonly #err: Pane;
  readonly #isQuiet: boolean;

  constructor(out: Pane, err: Pane, isQuiet = false) {
    this.#out = out;
    this.#err = err;
    this.#isQuiet = isQuiet;
  }

  get gone(): AbortSignal {
    return this.#out.gone;
  }

  async narrate({ action, human, detail, jobId }: Step, correlationId: string): Promise<void> {
    if (this.#isQuiet) return;
    const said: Narration = {
      actor: 'rbee-keeper',
      action,
      human,
      // The keeper runs no job of its own; until the queen has created one, there is none to name.
      job_id: jobId ?? '',
      correlation_id: correlationId,
      at: new Date().toISOString(),
      ...(detail ? { detail } : {}),
    };
    await this.#own('narration', said);
  }

  /** Unparsed: a script gets what the queen sent. */
  async event({ id, kind, json }: Omit<ShownEvent, 'operation' | 'input'>): Promise<void> {
    await this.#line(`{"id":${id},"event":"${kind}","data":${json}}`);
  }

  async show(value: unknown): Promise<void> {
    await this.#line(JSON.stringify(value));
  }

  async result(value: unknown): Promise<void> {
    await this.#own('result', value);
  }

  async note(text: string): Promise<void> {
    await this.narrate({ action: 'note', human: text }, '');
  }

  /** Every line is complete when it is written. */
  async endAnswer(): Promise<void> {}

  async fail({ code, message, origin, retryable }: Failure): Promise<void> {
    if (code === OUTPUT_FAILED) return this.#err.write(`Error: ${message}\n`);
    await this.#own('failed', { code, message, origin, retryable });
  }

  async cancelled(reason = 'cancelled'): Promise<void> {
    await this.#own('cancelled', { reason });
  }

  /** On a terminal, control and bidirectional characters are written as JSON escapes: the values are the same. */
  #line(json: string): Promise<void> {
    return this.#out.write(`${this.#out.isTerminal ? json.replace(NOT_PLAIN, escaped) : json}\n`);
  }

  #own(kind: ShownEvent['kind'], data: unknown): Promise<void> {
    return this.event({ id: null, kind, json: JSON.stringify(data) });
  }
}
