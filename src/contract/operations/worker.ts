import * as z from 'zod';
import { DEFAULT_CONTEXT_TOKENS, DEFAULT_MODEL, DEFAULT_SLOTS } from '../defaults.ts';
import { LOG_LINES_LIMIT, SLOTS_LIMIT, worker, deviceKind, WORKERS_LIMIT } from '../entities.ts';
import { hive_id, model_name, worker_id } from '../fields.ts';
import type { OperationSpec } from './operation-spec.ts';

export const workerOperations = {
  worker_spawn: {
    runsOn: 'hive',
    summary: 'Start a worker: one model loaded on one device',
    input: z.strictObject({
      hive_id,
      model: model_name.default(DEFAULT_MODEL),
      worker: deviceKind.default('cpu').describe('Kind of device'),
      device: z.int().min(0).default(0).describe('Number of the device of that kind'),
      slots: z.int().min(1).max(SLOTS_LIMIT).optional().describe(`Requests to serve at once; ${DEFAULT_SLOTS} when omitted`),
      context: z
        .int()
        .min(64)
        .optional()
        .describe(`Tokens per slot; the limit of the model, at most ${DEFAULT_CONTEXT_TOKENS}, when omitted`),
      pin: z.boolean().default(false).describe('Never stop it to free memory for another model'),
    }),
    output: worker,
    examples: ['rbee worker spawn --model tiny --worker cpu --device 0'],
  },
  worker_list: {
    runsOn: 'hive',
    mayRepeat: true,
    readsOnly: true,
    summary: 'List the workers of a hive',
    input: z.strictObject({ hive_id }),
    output: z.object({ workers: z.array(worker).max(WORKERS_LIMIT) }),
    examples: ['rbee worker list'],
  },
  worker_get: {
    runsOn: 'hive',
    mayRepeat: true,
    readsOnly: true,
    summary: 'Show one worker',
    subject: 'worker_id',
    input: z.strictObject({ hive_id, worker_id }),
    output: worker,
    examples: ['rbee worker get worker-1a2b3c4d'],
  },
  worker_delete: {
    runsOn: 'hive',
    summary: 'Stop a worker and free its memory',
    subject: 'worker_id',
    input: z.strictObject({ hive_id, worker_id }),
    output: z.object({ worker_id: z.string() }),
    examples: ['rbee worker delete worker-1a2b3c4d'],
  },
  worker_logs: {
    runsOn: 'hive',
    endsWithoutReader: true,
    readsOnly: true,
    summary: "Show the end of a worker's log, also of one that has exited",
    subject: 'worker_id',
    input: z.strictObject({
      hive_id,
      worker_id,
      lines: z.int().min(0).max(LOG_LINES_LIMIT).default(100).describe('Lines from the end of the log'),
      follow: z.boolean().default(false).describe('Then send each line as it is written, until the worker exits'),
    }),
    output: z.object({ worker_id: z.string(), lines: z.int().describe('How many lines were sent') }),
    examples: ['rbee worker logs worker-1a2b3c4d', 'rbee worker logs worker-1a2b3c4d --follow'],
  },
  worker_restart: {
    runsOn: 'hive',
    summary: 'Restart a worker: same id, same model, new process',
    subject: 'worker_id',
    input: z.strictObject({ hive_id, worker_id }),
    output: worker,
    examples: ['rbee worker restart worker-1a2b3c4d'],
  },
} as const satisfies Record<string, OperationSpec>;
