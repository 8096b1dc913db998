import * as z from 'zod';
import { toolForms, type DeviceKind, type EngineKind, type MemoryNeed, type WorkerFlags } from '../../contract/index.ts';

/** What a worker reports of its model, and writes into its pidfile, once it has loaded it. */
export const loadedFacts = z.object({ contextSize: z.int().optional(), toolForm: z.enum(toolForms).optional() });

/** What a worker is to be: which model, on which engine and device. */
export interface WorkerSpec {
  model: string;
  modelPath: string;
  engine: EngineKind;
  worker: DeviceKind;
  device: number;
  slots: number;
  /** Tokens a slot may hold; the engine chooses when undefined. */
  context: number | undefined;
  /** Never stopped to free memory for another model. */
  pinned: boolean;
  /** Undefined where the header of the model's file does not say enough. */
  need: MemoryNeed | undefined;
}

interface Owner {
  id: string;
  hiveId: string;
  /** Where the worker sends its heartbeats. */
  hiveUrl: string;
}

export function flagsOf({ need, ...spec }: WorkerSpec, owner: Owner): WorkerFlags {
  return { ...owner, ...spec, needBytes: need?.bytes, weightsBytes: need?.weightsBytes };
}

/** The spec of a worker that another process of the hive has started, from the flags in its pidfile. */
export function specFrom(flags: WorkerFlags): WorkerSpec {
  const { model, modelPath, engine, worker, device, slots, context, pinned, needBytes, weightsBytes } = flags;
  const need = needBytes === undefined || weightsBytes === undefined ? undefined : { bytes: needBytes, weightsBytes };
  return { model, modelPath, engine, worker, device, slots, context, pinned, need };
}
