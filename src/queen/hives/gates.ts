import { deferred } from '../../contract/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';

interface Closing {
  why: string;
  /** Resolves when it opens again. */
  opened: Promise<void>;
}

interface Gate {
  inside: number;
  /** The gate is open when all of these are. */
  closings: Set<Closing>;
  whenEmpty: (() => void)[];
}

/**
 * Counts the jobs on each hive, so that a hive can be updated under load: while its gate is closed, new jobs wait in front of it; it is empty
 * when the last job inside has ended. It is not the hive's start lock (start-locks.ts), which an update acquires only after the last job
 * has left: jobs inside may start the hive, and one that waits for the start lock is inside.
 */
export class Gates {
  readonly #gates = new Map<string, Gate>();

  /** @returns to be called when the job there has ended */
  async enter(hiveId: string, signal: AbortSignal): Promise<() => void> {
    for (;;) {
      const closing = this.#closing(hiveId);
      if (closing === undefined) break;
      narrate('hive_wait', `hive '${hiveId}' ${closing.why}; waiting for it`);
      await raceAbort(closing.opened, signal);
    }
    // Looked up after the wait: the former gate may have been dropped meanwhile.
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

  /** Why the gate is closed, as the end of "hive 'attic' …"; undefined where it is open. */
  whyClosed(hiveId: string): string | undefined {
    return this.#closing(hiveId)?.why;
  }

  /** Resolves when the named gate opens, or any of those that are closed; undefined when none is. */
  opened(hiveId?: string): Promise<void> | undefined {
    const gates = hiveId === undefined ? [...this.#gates.values()] : [this.#gates.get(hiveId)];
    const closings = gates.flatMap((gate) => [...(gate?.closings ?? [])]);
    return closings.length === 0 ? undefined : Promise.race(closings.map(({ opened }) => opened));
  }

  /** @param why as the end of "hive 'attic' …" @returns opens it again */
  close(hiveId: string, why: string): () => void {
    const gate = this.#gate(hiveId);
    const { promise: opened, resolve: open } = deferred();
    const closing = { why, opened };
    gate.closings.add(closing);
    return () => {
      gate.closings.delete(closing);
      open();
      this.#forget(hiveId, gate);
    };
  }

  /** Resolves when no job is inside. */
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
