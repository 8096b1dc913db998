import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

const endings = new Set<() => void>();

// The last first, as a home must outlive its daemons; and one that fails must not leave the others undone.
process.on('exit', () => {
  for (const end of [...endings].reverse()) {
    try {
      end();
    } catch (cause) {
      console.error(cause);
    }
  }
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

/**
 * Has `end` called when this process ends, however it does.
 * @returns to be called when that is no longer wanted
 */
export function atTheEnd(end: () => void): () => void {
  endings.add(end);
  return () => endings.delete(end);
}

export interface TemporaryFolder extends AsyncDisposable {
  path: string;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  // Beside the bundle, on the disk that a home would be on: a system's temporary folder may be quite another kind.
  const path = await mkdtemp(join(import.meta.dirname, 'home-'));
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const forget = atTheEnd(remove);
  return {
    path,
    async [Symbol.asyncDispose]() {
      remove();
      forget();
    },
  };
}

/** Things that end together, the last one first. */
export class Together implements AsyncDisposable {
  readonly #things: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(thing: T): T {
    this.#things.push(thing);
    return thing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const thing of this.#things.reverse()) await thing[Symbol.asyncDispose]();
  }
}
