import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';

/** The last trial of the engine on each GPU, by the device's name, such as 'cuda:0'. */
const gpuTrials = z.record(
  z.string(),
  z.object({
    gpu: z.string(),
    /** The driver and the engine of the trial. */
    with: z.string(),
    /** Why the engine cannot compute there; undefined where it can. */
    problem: z.string().optional(),
  }),
);
export type GpuTrials = z.output<typeof gpuTrials>;

export const gpuTrialsFile = (dataDir: string): string => join(dataDir, 'gpu-trials.json');

/** Empty where no GPU was tried yet, or the file is damaged: then each GPU is tried again. */
export async function readGpuTrials(file: string): Promise<GpuTrials> {
  try {
    return gpuTrials.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return {};
  }
}

/** @throws the error of the file system */
export async function writeGpuTrials(file: string, trials: GpuTrials): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify(trials, undefined, 2));
  await rename(draft, file);
}
