import { raceAbort } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';

interface Gate {
  inside: number;
  /** Set while it is closed; resolves when it opens again. */
  closed: { why: string; opened: Promise<void>; open: () => void } | undefined;
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
    const gate = this.#gate(hiveId);
    while (gate.closed !== undefined) {
      narrate('hive_wait', `hive '${hiveId}' ${gate.closed.why}; waiting for it`);
      await raceAbort(gate.closed.opened, signal);
    }
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
    return this.#gates.get(hiveId)?.closed?.why;
  }

  /** Resolves when one of those that are closed opens; undefined when none is. */
  opened(): Promise<void> | undefined {
    const closed = [...this.#gates.values()].flatMap((gate) => gate.closed?.opened ?? []);
    return closed.length === 0 ? undefined : Promise.race(closed);
  }

  /** Lets nobody in any more. @returns to be called to let them in again */
  close(hiveId: string, why: string): () => void {
    const gate = this.#gate(hiveId);
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    gate.closed = { why, opened, open };
    return () => {
      gate.closed = undefined;
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

  #gate(hiveId: string): Gate {
    let gate = this.#gates.get(hiveId);
    if (gate === undefined) this.#gates.set(hiveId, (gate = { inside: 0, closed: undefined, whenEmpty: [] }));
    return gate;
  }

  #forget(hiveId: string, gate: Gate): void {
    if (gate.inside === 0 && gate.closed === undefined && gate.whenEmpty.length === 0) this.#gates.delete(hiveId);
  }
}
