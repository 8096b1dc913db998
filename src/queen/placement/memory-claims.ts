import type { Where } from './device-name.ts';

/** Memory of a device that a waiting request needs for its model. */
export interface Claim {
  hiveId: string;
  where: Where;
  /** Keys of the workers that have to stop for it, and may still be busy. */
  workers: readonly string[];
  /** Needed beyond the memory of these workers: free bytes of the device, now or later. */
  bytes: number;
}

/**
 * Memory that requests wait for because busy workers use it. A later request gets no slot of these workers, may not evict those that
 * are idle already, and may not use the free memory beside them. Without this, models that are in constant use, or smaller, would
 * keep every other model out.
 */
export class MemoryClaims {
  /** By ticket. */
  readonly #byRequest = new Map<number, Claim>();
  /** By worker: the tickets. */
  readonly #byWorker = new Map<string, Set<number>>();

  /** Replaces the former claim of the ticket. */
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

  /** Whether an earlier request waits for the worker to stop. */
  hasEarlier(worker: string, request: number): boolean {
    if (this.#byWorker.size === 0) return false;
    for (const other of this.#byWorker.get(worker) ?? []) if (other < request) return true;
    return false;
  }

  /** Bytes of a device that are kept for earlier requests. */
  earlierBytes(hiveId: string, { worker, device }: Where, request: number): number {
    let bytes = 0;
    for (const [other, claim] of this.#byRequest) {
      const isThere = claim.hiveId === hiveId && claim.where.worker === worker && claim.where.device === device;
      if (isThere && other < request) bytes += claim.bytes;
    }
    return bytes;
  }
}
