import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { JobEvent, Model, Narration, Progress } from '../../../contract/index.ts';
import { openMemoryCatalog, type Catalog } from '../../../jobs/index.ts';
import { inJob, log, type Voice } from '../../../narration/index.ts';
import { openModelStore, type DownloadRequest, type ModelStore } from '../index.ts';
import type { Patience } from '../limits.ts';

/** The folder of the package that holds the model `tiny`. */
export const BUILTIN_DIR = path.resolve(import.meta.dirname, '../../../../models');
export const TINY_FILE = path.join(BUILTIN_DIR, 'rbee-tiny-Q8_0.gguf');

/** Deadlines that a test can sit out. */
export const IMPATIENT: Patience = {
  connectMs: 1000,
  answerMs: 300,
  idleBodyMs: 300,
  slow: { bytesPerS: 1, forMs: 300 },
  attempts: 4,
  backoffMs: { first: 5, most: 20 },
};

export interface TestStore extends Disposable {
  store: ModelStore;
  catalog: Catalog;
  modelsDir: string;
  /** What lies in the models directory, but for the lock. */
  files(): string[];
  /** Another store on the same directory and catalog, as after a restart. */
  reopened(patience?: Patience, largestDeviceBytes?: number): ModelStore;
}

export function testStore(options: { modelsDir?: string; builtinDir?: string; catalog?: Catalog } = {}): TestStore {
  log.level = 'silent';
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'rbee-models-'));
  const { modelsDir = path.join(directory, 'models'), builtinDir = BUILTIN_DIR, catalog = openMemoryCatalog() } = options;
  const reopened: TestStore['reopened'] = (patience = IMPATIENT, largestDeviceBytes) =>
    openModelStore({
      hiveId: 'attic',
      catalog,
      modelsDir,
      builtinDir,
      patience,
      largestDeviceBytes: async () => largestDeviceBytes,
    });
  return {
    store: reopened(),
    catalog,
    modelsDir,
    reopened,
    files: () => (fs.existsSync(modelsDir) ? fs.readdirSync(modelsDir).filter((name) => name !== '.writer.lock') : []),
    [Symbol.dispose]() {
      catalog.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Bytes that look like a model to everything but an engine. */
export function fakeModel(sizeBytes: number): Buffer {
  return Buffer.concat([Buffer.from('GGUF'), randomBytes(sizeBytes - 4)]);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface Watched {
  model: Promise<Model>;
  progress: Progress[];
  narrations: Narration[];
  /** Resolves at the first event that the test waits for; rejects when the download ends without it. */
  until(seen: (event: JobEvent) => boolean): Promise<void>;
  cancel(): void;
}

/** Runs a download as a job would, and keeps what it says. */
export function watch(store: ModelStore, request: DownloadRequest): Watched {
  const abort = new AbortController();
  const progress: Progress[] = [];
  const narrations: Narration[] = [];
  const waiting = new Set<(event: JobEvent) => void>();
  const take = (event: JobEvent): void => {
    if (event.kind === 'progress') progress.push(event.data);
    if (event.kind === 'narration') narrations.push(event.data);
    for (const tell of waiting) tell(event);
  };
  const voice: Voice = { actor: 'rbee-hive', jobId: 'job-test', correlationId: 'c0', emit: take };
  const model = drive(voice, store.download(request, abort.signal), take);
  model.catch(() => {}); // The awaiting test sees the failure.
  return {
    model,
    progress,
    narrations,
    cancel: () => abort.abort(),
    until: (seen) => {
      const event = new Promise<void>((resolve) => waiting.add((next) => seen(next) && resolve()));
      return Promise.race([event, model.then(() => Promise.reject(new Error('the download ended first')))]);
    },
  };
}

async function drive(voice: Voice, run: AsyncGenerator<JobEvent, Model, void>, take: (event: JobEvent) => void): Promise<Model> {
  for (;;) {
    const step = await inJob(voice, () => run.next());
    if (step.done) return step.value;
    take(step.value);
  }
}

export function actionsOf({ narrations }: Watched): string[] {
  return narrations.map((narration) => narration.action);
}
