import type { Token } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import { chooseSlot } from './slot-choice.ts';
import type { Slot } from './slot.ts';

/**
 * Requests that may wait in the engine. The hive sends no more requests than there are slots, so this queue only absorbs races. Any
 * more are refused, so that the queen tries another worker.
 */
const ENGINE_WAITING_LIMIT = 64;

interface Waiting {
  prompt: readonly Token[];
  enter(slot: Slot): void;
  turnAway(reason: unknown): void;
}

/** Assigns the slots, first come, first served. */
export class SlotPool {
  #slots: readonly Slot[];
  #waiting: Waiting[] = [];
  #uses = 0;
  #closed: JobError | undefined;
  #onChange: () => void;

  constructor(slots: readonly Slot[], onChange: () => void) {
    this.#slots = slots;
    this.#onChange = onChange;
  }

  get used(): number {
    return this.#slots.filter((slot) => slot.busy).length;
  }

  /** @throws JobError worker_busy; the signal's reason, at once; what `close` was given */
  async acquire(
    prompt: readonly Token[],
    signal: AbortSignal,
    onQueue: (isWaiting: boolean) => void = () => undefined,
  ): Promise<Slot> {
    signal.throwIfAborted();
    if (this.#closed) throw this.#closed;
    const slot = this.#take(prompt);
    if (slot) {
      this.#onChange();
      return slot;
    }
    if (this.#waiting.length >= ENGINE_WAITING_LIMIT) {
      throw new JobError(
        'worker_busy',
        `All ${String(this.#slots.length)} slots are taken and ${String(ENGINE_WAITING_LIMIT)} requests are waiting already`,
      );
    }
    onQueue(true);
    const given = await this.#wait(prompt, signal);
    onQueue(false);
    return given;
  }

  release(slot: Slot): void {
    slot.busy = false;
    slot.lastUsed = ++this.#uses;
    const next = this.#waiting.shift();
    const taken = next && this.#take(next.prompt);
    if (taken) next.enter(taken);
    else this.#onChange();
  }

  /** Rejects the waiting requests and all later ones. */
  close(reason: JobError): void {
    this.#closed = reason;
    for (const waiting of this.#waiting.splice(0)) waiting.turnAway(reason);
  }

  #take(prompt: readonly Token[]): Slot | undefined {
    const slot = this.#slots[chooseSlot(this.#slots, prompt) ?? -1];
    if (slot) slot.busy = true;
    return slot;
  }

  async #wait(prompt: readonly Token[], signal: AbortSignal): Promise<Slot> {
    let onAbort: () => void = () => undefined;
    const slot = new Promise<Slot>((enter, turnAway) => {
      const waiting: Waiting = { prompt, enter, turnAway };
      this.#waiting.push(waiting);
      onAbort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        waiting.turnAway(signal.reason);
      };
    });
    signal.addEventListener('abort', onAbort);
    return slot.finally(() => signal.removeEventListener('abort', onAbort));
  }
}
