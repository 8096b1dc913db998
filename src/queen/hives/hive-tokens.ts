import { randomBytes } from 'node:crypto';
import type { Catalog, Collection } from '../../jobs/index.ts';

/** One secret for each hive that this queen has installed. A hive's secret opens no other hive, and not the queen. */
export class HiveTokens {
  readonly #tokens: Collection<{ token: string }>;

  constructor(catalog: Catalog) {
    this.#tokens = catalog.collection('hive_tokens', [], (value) => {
      const { token } = value as { token?: unknown };
      return typeof token === 'string' && token !== '' ? { token } : undefined;
    });
  }

  /** Made on first use. */
  of(hiveId: string): string {
    const known = this.#tokens.get(hiveId)?.token;
    if (known !== undefined) return known;
    const token = randomBytes(32).toString('base64url');
    this.#tokens.put(hiveId, { token });
    return token;
  }

  forget(hiveId: string): void {
    this.#tokens.delete(hiveId);
  }
}
