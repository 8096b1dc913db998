import * as z from 'zod';

/** A worker or device where a request could run, and why it was chosen or rejected. */
export const candidate = z.object({
  hive_id: z.string(),
  device: z.string().describe("For example 'cuda:0'; '*' for the whole hive"),
  worker_id: z.string().optional(),
  verdict: z.enum(['chosen', 'possible', 'rejected']),
  reason: z.string(),
});
export type Candidate = z.output<typeof candidate>;

/** The decisions of placement. */
export const placementKinds = ['worker', 'wait', 'spawn', 'download', 'evict', 'refuse'] as const;
export const explanation = z.object({
  model: z.string(),
  decision: z.enum(placementKinds).describe("'refuse' when the request cannot run anywhere: the command exits with code 1"),
  says: z.string().describe('The decision, as a sentence'),
  code: z.string().optional().describe('Code of the error with which the request would fail, when it is refused'),
  hive_id: z.string().optional(),
  device: z.string().optional(),
  worker_id: z.string().optional(),
  candidates: z.array(candidate),
});
export type Explanation = z.output<typeof explanation>;
