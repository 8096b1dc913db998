import { raceAbort } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';

interface Closing {
  why: string;
  /** Resolves when whoever closed the gate opens it again. */
  opened: Promise<void>;
}

interface Gate {
  inside: number;
  /** Whoever has closed it; it is open when each of them has opened it. */
  closings: Set<Closing>;
  whenEmpty: (() => void)[];
}

/**
 * Who is at work on which hive, so that it can be exchanged under load: while its gate is closed nobody new enters, and those
 * who want to wait; it is empty when the last one inside has left.
 */
export class Gates {
  readonly #gates = new Map<string, Gate>();

  /** @returns to be called when the work there has ended */
  async enter(hiveId: string, signal: AbortSignal): Promise<() => void> {
    for (;;) {
      const closing = this.#closing(hiveId);
      if (closing === undefined) break;
      narrate('hive_wait', `hive '${hiveId}' ${closing.why}; waiting for it`);
      await raceAbort(closing.opened, signal);
    }
    // Looked up after the wait: the gate of which it was may have been forgotten meanwhile.
    const gate = this.#gate(hiveId);
    gate.inside += 1;
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      gate.inside -= 1;
      if (gate.inside === 0) for (const resolve of gate.whenEmpty.splice(0)) resolve();
      this.#forget(hiveId, gate);
    };
  }

  inside(hiveId: string): number {
    return this.#gates.get(hiveId)?.inside ?? 0;
  }

  /** Why nobody may enter; undefined where one may. */
  whyClosed(hiveId: string): string | undefined {
    return this.#closing(hiveId)?.why;
  }

  /** Resolves when one of those that are closed opens, or the named one; undefined when none is. */
  opened(hiveId?: string): Promise<void> | undefined {
    const gates = hiveId === undefined ? [...this.#gates.values()] : [this.#gates.get(hiveId)];
    const closings = gates.flatMap((gate) => [...(gate?.closings ?? [])]);
    return closings.length === 0 ? undefined : Promise.race(closings.map(({ opened }) => opened));
  }

  /** Lets nobody in any more. @returns to be called to let them in again */
  close(hiveId: string, why: string): () => void {
    const gate = this.#gate(hiveId);
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const closing = { why, opened };
    gate.closings.add(closing);
    return () => {
      gate.closings.delete(closing);
      open();
      this.#forget(hiveId, gate);
    };
  }

  /** Resolves when nobody is inside. */
  async empty(hiveId: string, signal: AbortSignal): Promise<void> {
    const gate = this.#gate(hiveId);
    if (gate.inside === 0) return;
    await raceAbort(new Promise<void>((resolve) => gate.whenEmpty.push(resolve)), signal);
  }

  #closing(hiveId: string): Closing | undefined {
    return this.#gates.get(hiveId)?.closings.values().next().value;
  }

  #gate(hiveId: string): Gate {
    let gate = this.#gates.get(hiveId);
    if (gate === undefined) this.#gates.set(hiveId, (gate = { inside: 0, closings: new Set(), whenEmpty: [] }));
    return gate;
  }

  #forget(hiveId: string, gate: Gate): void {
    if (gate.inside === 0 && gate.closings.size === 0 && gate.whenEmpty.length === 0) this.#gates.delete(hiveId);
  }
}
