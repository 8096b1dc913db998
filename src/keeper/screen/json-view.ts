import type { Narration } from '../../contract/index.ts';
import type { Pane } from './pane.ts';
import type { Failure, ShownEvent, Step, View } from './view.ts';

/** One JSON object a line on stdout, and nothing else anywhere. */
export class JsonView implements View {
  readonly #out: Pane;
  readonly #isQuiet: boolean;

  constructor(out: Pane, isQuiet = false) {
    this.#out = out;
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
      // The keeper runs no job of its own; until the queen has made one, there is none to name.
      job_id: jobId ?? '',
      correlation_id: correlationId,
      at: new Date().toISOString(),
      ...(detail ? { detail } : {}),
    };
    await this.#own('narration', said);
  }

  /** Unparsed: what the queen sent is what a script gets. */
  async event({ id, kind, json }: Omit<ShownEvent, 'operation' | 'input'>): Promise<void> {
    await this.#out.write(`{"id":${id},"event":"${kind}","data":${json}}\n`);
  }

  async show(value: unknown): Promise<void> {
    await this.#out.write(`${JSON.stringify(value)}\n`);
  }

  async result(value: unknown): Promise<void> {
    await this.#own('result', value);
  }

  /** Its lines are closed as they are written. */
  async endAnswer(): Promise<void> {}

  async fail({ code, message, origin, retryable }: Failure): Promise<void> {
    await this.#own('failed', { code, message, origin, retryable });
  }

  async cancelled(reason: string): Promise<void> {
    await this.#own('cancelled', { reason });
  }

  #own(kind: ShownEvent['kind'], data: unknown): Promise<void> {
    return this.event({ id: null, kind, json: JSON.stringify(data) });
  }
}
