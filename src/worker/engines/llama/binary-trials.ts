import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, release } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureDirectory, isAlive, processStart, requireHome, vulkanDrivers, type HomePaths } from '../../../daemon/index.ts';
import { log } from '../../../narration/index.ts';

/** Whether the binary can be loaded and computes on that kind of GPU; false is the CPU. */
export type TryBinary = (binding: string, extBackends: string | undefined, gpu: string | false) => Promise<boolean>;
type Binary = Parameters<TryBinary>;

const KEPT_MS = 30 * 24 * 3_600_000;
/** Variables that decide which libraries and devices a driver loads. */
const DRIVER_VARIABLE = /^(CUDA|GGML|LD|MESA|NVIDIA|VK)_/;

/** The markers of this process. */
const loading = new Set<string>();

/** To be called when binaries are loaded, or have failed to load with an error. */
export async function endLoads(): Promise<void> {
  for (const marker of loading) {
    loading.delete(marker);
    await rm(marker, { force: true }).catch((cause: unknown) =>
      // The next load then begins with a trial.
      log.debug({ err: cause }, `the marker ${marker} cannot be removed`),
    );
  }
}

/**
 * The binaries that have passed a trial, in a folder: `<key>.passed` is the record of one, `<key>.<pid>.loading` the marker of a
 * process that loads it without another trial. A process that crashes in that load leaves its marker; the next one then tries the binary
 * first, and reports what is wrong. Where the folder cannot be read or written, or the files of a binary cannot be listed, every load
 * begins with a trial.
 */
export class BinaryTrials {
  readonly #folder: string;
  readonly #run: string;

  constructor({ binaryTrials, run }: Pick<HomePaths, 'binaryTrials' | 'run'>) {
    this.#folder = binaryTrials;
    this.#run = run;
  }

  /** Runs `tryBinary` unless it is known to pass. */
  async passes(binary: Binary, tryBinary: () => Promise<boolean>): Promise<boolean> {
    let key: string | undefined;
    try {
      key = await keyOf(binary);
      if (await this.#isKnown(key)) return true;
    } catch (cause) {
      log.debug({ err: cause }, `the trials of ${binary[0]} in ${this.#folder} cannot be read`);
    }
    const passed = await tryBinary();
    if (key === undefined) return passed;
    const record = join(this.#folder, `${key}.passed`);
    await (passed ? this.#remember(record, binary) : rm(record, { force: true })).catch((cause: unknown) =>
      log.debug({ err: cause }, `the trial of ${binary[0]} cannot be recorded`),
    );
    return passed;
  }

  async #isKnown(key: string): Promise<boolean> {
    const names = (await readdir(this.#folder)).filter((name) => name.startsWith(key));
    if (!names.includes(`${key}.passed`)) return false;
    let hasCrashed = false;
    for (const name of names.filter((each) => each.endsWith('.loading'))) {
      const marker = join(this.#folder, name);
      const started = await readFile(marker, 'utf8').catch(() => undefined);
      // Removed meanwhile: that load has ended well.
      if (started === undefined || (await isAlive({ pid: Number(name.split('.')[1]), started }))) continue;
      hasCrashed = true;
      await rm(marker, { force: true });
    }
    if (hasCrashed) return false;
    const marker = join(this.#folder, `${key}.${process.pid}.loading`);
    await writeFile(marker, (await processStart(process.pid)) ?? '');
    loading.add(marker);
    return true;
  }

  async #remember(record: string, [binding, extBackends, gpu]: Binary): Promise<void> {
    // A home that was deleted meanwhile is not created again.
    await requireHome(this.#run);
    await ensureDirectory(this.#folder);
    await writeFile(record, JSON.stringify({ binding, extBackends, gpu, tried_at: new Date().toISOString() }));
    for (const name of await readdir(this.#folder)) {
      const file = join(this.#folder, name);
      if (Date.now() - (await stat(file)).mtimeMs > KEPT_MS) await rm(file, { force: true });
    }
  }
}

/** Changes when a binary that passed may fail: with its files, Node, a reboot of the machine, its drivers. */
async function keyOf([binding, extBackends, gpu]: Binary): Promise<string> {
  const folders = [dirname(binding), ...(extBackends === undefined ? [] : [extBackends])];
  const parts = {
    files: await Promise.all(folders.map(describeFiles)),
    gpu,
    node: [process.version, process.arch, process.execPath],
    machine: [hostname(), release(), await textOf('/proc/sys/kernel/random/boot_id')],
    drivers: gpu === false ? [] : [await textOf('/proc/driver/nvidia/version'), ...(await vulkanDrivers())],
    variables: Object.entries(process.env)
      .filter(([name]) => DRIVER_VARIABLE.test(name))
      .toSorted(),
  };
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

async function describeFiles(folder: string): Promise<[path: string, sizeBytes: number, mtimeMs: number, ctimeMs: number][]> {
  const names = (await readdir(folder)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs, ctimeMs } = await stat(join(folder, name));
      return [join(folder, name), size, mtimeMs, ctimeMs];
    }),
  );
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
