import { cancelled, failed, operations, WholeCharacters, type Narration, type Progress } from '../../contract/index.ts';
import { failureOf } from '../failure.ts';
import { callLine } from '../show/call-line.ts';
import { figures } from '../show/figures.ts';
import { logLineText } from '../show/log-line.ts';
import type { Look } from '../show/look.ts';
import { resultText } from '../show/result.ts';
import { oneLine } from '../show/width.ts';
import type { Asked, Failure, ShownEvent, Step } from '../shown.ts';
import type { Pane } from './pane.ts';
import { ProgressLine } from './progress-line.ts';
import type { View } from './view.ts';

export type Verbosity = 'quiet' | 'normal' | 'verbose';

/** '[llm-worker-rbee]': the messages of all actors are in one column. */
const ACTOR_WIDTH = 17;

/** Answers go to stdout, everything else to stderr. */
export class PeopleView implements View {
  readonly #out: Pane;
  readonly #err: Pane;
  readonly #verbosity: Verbosity;
  readonly #progress: ProgressLine;
  readonly #pieces = new WholeCharacters();
  #sawToken = false;
  /** Whether the answer's last line on stdout is unfinished. */
  #isLineOpen = false;
  readonly #thoughts = new WholeCharacters();
  /** The same of the reasoning, on stderr. */
  #isThoughtOpen = false;

  constructor(out: Pane, err: Pane, verbosity: Verbosity) {
    this.#out = out;
    this.#err = err;
    this.#verbosity = verbosity;
    this.#progress = new ProgressLine(err);
  }

  get gone(): AbortSignal {
    return this.#out.gone;
  }

  async narrate(step: Step): Promise<void> {
    await this.#narration({ actor: 'rbee-keeper', ...step });
  }

  async event({ kind, json, byUser, ...asked }: ShownEvent): Promise<void> {
    const data = JSON.parse(json) as unknown;
    switch (kind) {
      case 'narration':
        return this.#narration(data as Narration);
      case 'progress':
        return this.#showProgress(data as Progress);
      case 'token':
        return this.#token(textOf(data));
      case 'reasoning':
        return this.#reasoning(textOf(data));
      // The result has the calls, and figures the number of tokens.
      case 'prompt':
      case 'tool_call':
      case 'tool_arguments':
        return;
      case 'log':
        return this.show(data, (look) => logLineText(String((data as { line?: unknown }).line), look));
      case 'result':
        return this.#result(asked, data);
      case 'failed':
        return this.fail(failureOf(failed.parse(data), asked));
      case 'cancelled':
        return this.cancelled(byUser ? undefined : cancelled.parse(data).reason);
    }
  }

  async show(_value: unknown, lines: (look: Look) => string): Promise<void> {
    await this.#leaveReasoning();
    await this.#progress.clear();
    const text = lines(this.#look);
    if (text !== '') await this.#out.write(`${text}\n`);
  }

  async result(value: unknown, lines: (look: Look) => string): Promise<void> {
    await this.show(value, lines);
  }

  async note(text: string): Promise<void> {
    await this.#say(this.#err.paint.dim(text));
  }

  async fail({ code, message, origin, hint, stack }: Failure): Promise<void> {
    await this.endAnswer();
    const { paint } = this.#err;
    const from = origin === 'rbee-keeper' ? '' : `\n  ${paint.dim(oneLine(`${code}, from ${origin}`))}`;
    const next = hint === undefined ? '' : `\n  ${hint}`;
    const trace = stack === undefined || this.#verbosity !== 'verbose' ? '' : `\n${paint.dim(stack)}`;
    await this.#say(`${paint.red(paint.bold('Error:'))} ${message}${next}${from}${trace}`);
  }

  async cancelled(reason?: string): Promise<void> {
    if (this.gone.aborted) return;
    await this.endAnswer();
    await this.#say(this.#err.paint.yellow(reason === undefined ? 'cancelled' : `cancelled: ${oneLine(reason)}`));
  }

  /** An answer ends with a line feed, even if the model did not write one. */
  async endAnswer(): Promise<void> {
    await this.#leaveReasoning();
    this.#sawToken = false;
    const rest = this.#pieces.rest();
    if (this.#isLineOpen) await this.#out.write(`${rest}\n`);
    this.#isLineOpen = false;
  }

  get #look(): Look {
    return { paint: this.#out.paint, columns: this.#out.columns };
  }

  async #narration({ actor, human, detail }: Pick<Narration, 'actor' | 'human' | 'detail'>): Promise<void> {
    if (this.#verbosity === 'quiet' || (detail && this.#verbosity === 'normal') || this.gone.aborted) return;
    const { paint } = this.#err;
    // Further lines are indented, so that they cannot pass for a message of another actor.
    const said = human.replaceAll('\n', `\n${' '.repeat(ACTOR_WIDTH + 1)}`);
    await this.#say(`${paint.dim(`[${oneLine(actor)}]`.padEnd(ACTOR_WIDTH))} ${detail ? paint.dim(said) : said}`);
  }

  /** Rewrites its own line, never the unfinished line of the answer. */
  async #showProgress(progress: Progress): Promise<void> {
    if (this.#verbosity === 'quiet') return;
    await this.#leaveReasoning();
    await this.#leaveLine();
    await this.#progress.show(progress);
  }

  /** Not a part of the answer: it is for a reader who waits, or who asked for every step. */
  async #reasoning(text: string): Promise<void> {
    if (this.#verbosity === 'quiet' || (this.#verbosity === 'normal' && !this.#err.isTerminal)) return;
    await this.#progress.clear();
    await this.#leaveLine();
    if (text !== '') this.#isThoughtOpen = !text.endsWith('\n');
    const whole = this.#thoughts.next(text);
    if (whole !== '') await this.#err.write(this.#err.paint.dim(whole));
  }

  async #leaveReasoning(): Promise<void> {
    const rest = this.#thoughts.rest();
    if (this.#isThoughtOpen) await this.#err.write(`${rest}\n`);
    this.#isThoughtOpen = false;
  }

  async #token(text: string): Promise<void> {
    await this.#leaveReasoning();
    await this.#progress.clear();
    this.#sawToken = true;
    if (text !== '') this.#isLineOpen = !text.endsWith('\n');
    await this.#out.write(this.#pieces.next(text));
  }

  async #result(asked: Asked, data: unknown): Promise<void> {
    await this.#progress.clear();
    const answer = asked.operation === 'infer' ? operations.infer.output.safeParse(data) : undefined;
    if (!answer?.success) return this.show(data, (look) => resultText(asked, data, look));
    if (!this.#sawToken) await this.#token(answer.data.text);
    await this.endAnswer();
    for (const each of answer.data.tool_calls ?? []) await this.#out.write(`${callLine(each)}\n`);
    if (this.#verbosity === 'quiet') return;
    await this.#say(this.#err.paint.dim(figures(answer.data, this.#verbosity === 'verbose')));
  }

  /** A whole line on stderr. */
  async #say(line: string): Promise<void> {
    await this.#leaveReasoning();
    await this.#progress.clear();
    await this.#leaveLine();
    await this.#err.write(`${line}\n`);
  }

  /** With stdout and stderr on one screen, the unfinished line of the answer is closed first. */
  async #leaveLine(): Promise<void> {
    if (!this.#out.isTerminal || !this.#err.isTerminal || !this.#isLineOpen) return;
    this.#isLineOpen = false;
    await this.#err.write('\n');
  }
}

function textOf(data: unknown): string {
  return String((data as { text?: unknown }).text);
}
