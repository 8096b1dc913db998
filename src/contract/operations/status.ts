import * as z from 'zod';
import { hiveHealth, model, worker } from '../entities.ts';
import { port } from '../fields.ts';
import type { OperationSpec } from './operation-spec.ts';

export const status = {
  runsOn: 'queen',
  summary: 'Show queen, hives, workers, models and slots',
  input: z.strictObject({}),
  output: z.object({
    queen: z.object({ version: z.string(), uptime_s: z.number(), port, pid: z.int() }),
    hives: z.array(hiveHealth.extend({ host: z.string(), port })),
    workers: z.array(worker),
    models: z.array(model.extend({ hive_id: z.string() })),
  }),
  examples: ['rbee status', 'rbee status --json'],
} as const satisfies OperationSpec;
