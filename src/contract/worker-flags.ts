import * as z from 'zod';
import { DEFAULT_SLOTS } from './defaults.ts';
import { deviceKind, SLOTS_LIMIT } from './entities.ts';

/** The engines that a worker can run. 'embedded' computes in the worker's own process. */
export const engineKinds = ['embedded'] as const;
export type EngineKind = (typeof engineKinds)[number];
/** The engine of a .gguf file. */
export const DEFAULT_ENGINE: EngineKind = 'embedded';

/**
 * What a hive starts a worker with: the flags of `rbee worker run`. The worker writes them into its pidfile, where the next process of
 * the hive reads them to adopt it.
 */
export const workerFlags = z.object({
  id: z.string().describe('Its id'),
  hiveId: z.string().describe('The hive that it belongs to'),
  model: z.string().describe("The model's name"),
  modelPath: z.string().describe("The model's file"),
  engine: z.enum(engineKinds).default(DEFAULT_ENGINE).describe('What runs the model'),
  worker: deviceKind.default('cpu').describe('Kind of device'),
  device: z.int().min(0).default(0).describe('Number of the device of that kind'),
  slots: z.int().min(1).max(SLOTS_LIMIT).default(DEFAULT_SLOTS).describe('Requests to serve at once'),
  context: z.int().min(1).optional().describe('Tokens a slot may hold'),
  pinned: z.boolean().default(false).describe('Never to be stopped for another model'),
  needBytes: z.number().optional().describe('Memory that it was promised'),
  weightsBytes: z.number().optional().describe('How much of that is for the weights'),
  hiveUrl: z.string().optional().describe('Where to send heartbeats'),
});
export type WorkerFlags = z.output<typeof workerFlags>;

/** 'modelPath' → '--model-path'. */
export function workerFlag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
}

/** The command line from which `rbee worker run` reads the same flags again. */
export function workerArguments(flags: WorkerFlags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [workerFlag(name)] : [workerFlag(name), String(value)];
  });
}
