import { setImmediate } from 'node:timers/promises';
import type { Token } from 'node-llama-cpp';
import type { JobError } from '../../../contract/index.ts';
import type { Run } from './run.ts';
import type { Slot } from './slot.ts';
import { gapsToFill } from './step-plan.ts';

interface LockStepOptions {
  slots: readonly Slot[];
  /** Prompt tokens that one step computes at most, so that generation continues, and aborts work, while a prompt is read. */
  chunkSize: number;
  /** The token that idle slots compute along; any token will do. */
  filler: Token;
  onLeft(slot: Slot): void;
  /** A step failed. Returns the error for its requests. */
  onFailure(cause: unknown): JobError;
  /** The reset after a failed step failed too. */
  onBroken(cause: unknown): void;
}

/**
 * The one loop that computes. Each step generates one token for every run that is past its prompt, all in one batch, then
 * reads a piece of the prompts that wait, the oldest first. Runs are added and removed between steps only.
 *
 * Prompts are computed one by one and never in one batch with generation: llama.cpp would split such a batch into as many
 * passes anyway, and where it splits changes the last bits of the result. This way a text depends on its prompt and seed
 * alone, and not on other requests.
 */
export class LockStep {
  #options: LockStepOptions;
  /** In order of arrival. */
  #runs: Run[] = [];
  #loop: Promise<void> | undefined;
  #stopped: JobError | undefined;
  #steps = 0;

  constructor(options: LockStepOptions) {
    this.#options = options;
  }

  get steps(): number {
    return this.#steps;
  }

  add(run: Run): void {
    this.#runs.push(run);
    this.#loop ??= this.#stepWhileThereAreRuns();
  }

  /** Ends all runs at the end of the step in progress, with `reason`. */
  async stop(reason: JobError): Promise<void> {
    this.#stopped = reason;
    await this.#loop;
  }

  async #stepWhileThereAreRuns(): Promise<void> {
    while (this.#runs.length > 0) {
      try {
        await this.#step();
        this.#steps += 1;
      } catch (cause) {
        await this.#failAll(cause);
      }
      // Lets the library finish its own step, and requests and aborts in.
      await setImmediate();
    }
    this.#loop = undefined;
  }

  async #step(): Promise<void> {
    await this.#dismissUnwanted();
    for (const run of this.#runs) await run.align();
    await this.#generate();
    this.#seeOff();
    await this.#readPrompts();
    this.#seeOff();
  }

  async #dismissUnwanted(): Promise<void> {
    for (const run of this.#runs) {
      if (this.#stopped) await run.abandon(this.#stopped);
      else if (run.unwanted) await run.abandon(run.abortReason);
    }
    this.#seeOff();
  }

  /** One token for every generating run. Idle slots between them compute along (see gapsToFill). */
  async #generate(): Promise<void> {
    const { slots, filler } = this.#options;
    const runs = this.#runs.filter((run) => run.generating);
    if (runs.length === 0) return;
    const gaps = gapsToFill(runs.map((run) => run.slot.index).sort((a, b) => a - b));
    const fillers = slots.filter((slot) => gaps.includes(slot.index) && !slot.busy);
    for (const slot of fillers) await slot.forgetFillers();
    await all([...runs.map((run) => run.generate()), ...fillers.filter((slot) => slot.canFill).map((slot) => slot.fill(filler))]);
  }

  async #readPrompts(): Promise<void> {
    const { chunkSize } = this.#options;
    let left = chunkSize;
    for (const run of this.#runs.filter((waiting) => waiting.reading)) {
      left -= run.nextRead(chunkSize);
      if (left < 0) return;
      await run.readPrompt(chunkSize);
    }
  }

  /** Frees the slots of finished runs. */
  #seeOff(): void {
    const over = this.#runs.filter((run) => run.over);
    if (over.length === 0) return;
    this.#runs = this.#runs.filter((run) => !run.over);
    for (const run of over) {
      this.#options.onLeft(run.slot);
      run.markLeft();
    }
  }

  async #failAll(cause: unknown): Promise<void> {
    const reason = this.#options.onFailure(cause);
    await Promise.allSettled(this.#runs.map((run) => run.abandon(reason)));
    try {
      // In ascending order: a sequence that is given back is the next to be handed out, so each slot keeps its number.
      for (const slot of this.#options.slots) await slot.reset();
    } catch (error) {
      this.#options.onBroken(error);
    }
    this.#seeOff();
  }
}

/** Waits for all, even when one fails: nothing may compute on while a failure is handled. */
async function all(tasks: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
