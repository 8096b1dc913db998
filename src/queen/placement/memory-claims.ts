import type { Where } from './device-name.ts';

/** What a request waits for, to be loaded on a device. */
export interface Claim {
  hiveId: string;
  where: Where;
  /** Keys of the workers that have to end for it, and that may still be busy. */
  workers: readonly string[];
  /** Beside what these have: of what is free there, or will be. */
  bytes: number;
}

/**
 * Memory that requests wait for because busy workers have it. Nobody who came after such a request is given a slot there, ends
 * those of them that are idle already for a model of his own, or takes what is free beside them: or models that are asked for all the
 * time, or are smaller, would keep out every other.
 */
export class MemoryClaims {
  /** By the number of the request; numbers grow in the order in which requests come. */
  readonly #byRequest = new Map<number, Claim>();
  /** By worker: the numbers of the requests. */
  readonly #byWorker = new Map<string, Set<number>>();

  /** In place of what it claimed before. */
  set(request: number, claim: Claim): void {
    this.drop(request);
    this.#byRequest.set(request, claim);
    for (const key of claim.workers) this.#byWorker.set(key, (this.#byWorker.get(key) ?? new Set()).add(request));
  }

  drop(request: number): void {
    for (const key of this.#byRequest.get(request)?.workers ?? []) {
      const requests = this.#byWorker.get(key);
      requests?.delete(request);
      if (requests?.size === 0) this.#byWorker.delete(key);
    }
    this.#byRequest.delete(request);
  }

  get size(): number {
    return this.#byRequest.size;
  }

  /** Whether somebody who came before this request waits for the worker to end. */
  hasEarlier(worker: string, request: number): boolean {
    if (this.#byWorker.size === 0) return false;
    for (const other of this.#byWorker.get(worker) ?? []) if (other < request) return true;
    return false;
  }

  /** What of a device is kept for those who came before this request. */
  earlierBytes(hiveId: string, { worker, device }: Where, request: number): number {
    let bytes = 0;
    for (const [other, claim] of this.#byRequest) {
      const isThere = claim.hiveId === hiveId && claim.where.worker === worker && claim.where.device === device;
      if (isThere && other < request) bytes += claim.bytes;
    }
    return bytes;
  }
}
