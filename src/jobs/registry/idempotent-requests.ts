import { JobError, type JobRecord } from '../../contract/index.ts';
import { digest } from './stored-job.ts';

/** A job that was created under a key. */
export interface KeyedJob {
  digest: string | undefined;
  created: Promise<JobRecord>;
}

/** Makes one job of the requests that come under one Idempotency-Key. */
export class IdempotentRequests {
  /** Requests whose jobs are being created. */
  readonly #creating = new Map<string, KeyedJob>();
  readonly #find: (key: string) => KeyedJob | undefined;

  /** @param find the job that was created under a key before */
  constructor(find: (key: string) => KeyedJob | undefined) {
    this.#find = find;
  }

  /** @throws JobError idempotency_mismatch */
  async once(key: string, body: string, create: () => Promise<JobRecord>): Promise<JobRecord> {
    const bodyDigest = digest(body);
    const known = this.#creating.get(key) ?? this.#find(key);
    if (known !== undefined) {
      if (known.digest === bodyDigest) return known.created;
      throw new JobError('idempotency_mismatch', `Idempotency-Key '${key}' was used for another request`);
    }
    const created = create();
    this.#creating.set(key, { digest: bodyDigest, created });
    try {
      return await created;
    } finally {
      this.#creating.delete(key);
    }
  }
}
