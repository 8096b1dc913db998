import * as z from 'zod';
import { actors, failed, roles } from './events.ts';

export const workerKinds = ['cpu', 'cuda', 'metal', 'vulkan'] as const;
export const workerKind = z.enum(workerKinds);
export type WorkerKind = z.output<typeof workerKind>;

export const jobStates = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export const jobState = z.enum(jobStates);
export type JobState = z.output<typeof jobState>;

/** A job that this job drives on the role below. */
export const downstreamJob = z.object({
  role: z.enum(roles),
  name: z.string().describe('The hive or worker by its id'),
  job_id: z.string(),
});
export type DownstreamJob = z.output<typeof downstreamJob>;

export const jobRecord = z.object({
  job_id: z.string(),
  operation: z.string(),
  state: jobState,
  actor: z.enum(actors),
  correlation_id: z.string(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().optional(),
  first_token_at: z.iso.datetime().optional(),
  ended_at: z.iso.datetime().optional(),
  error: failed.optional(),
  downstream: z.array(downstreamJob),
});
export type JobRecord = z.output<typeof jobRecord>;

export const health = z.object({
  role: z.enum(roles),
  name: z.string().describe("The hive's or worker's id; 'queen' for the queen"),
  version: z.string(),
  uptime_s: z.number(),
  pid: z.int(),
  home: z.string().describe('Digest of the home directory, which tells two fleets on one machine apart'),
});
export type Health = z.output<typeof health>;

export const device = z.object({
  worker: workerKind.describe('The kind of worker that runs on it'),
  device: z.int().describe('Its number among the devices of its kind'),
  name: z.string(),
  memory_bytes: z.number(),
  memory_free_bytes: z.number(),
  cores: z.int().optional(),
  driver: z.string().optional(),
});
export type Device = z.output<typeof device>;

export const capabilities = z.object({
  hive_id: z.string(),
  version: z.string(),
  hostname: z.string(),
  os: z.string(),
  arch: z.string(),
  devices: z.array(device),
  disk_free_bytes: z.number(),
});
export type Capabilities = z.output<typeof capabilities>;

export const hive = z.object({
  hive_id: z.string(),
  host: z.string(),
  port: z.int(),
  managed: z.boolean().describe('True when the queen starts and stops it itself'),
  created_at: z.iso.datetime(),
  capabilities: capabilities.optional().describe('As last recorded; hive update --refresh-capabilities asks again'),
  capabilities_at: z.iso.datetime().optional(),
});
export type Hive = z.output<typeof hive>;

export const hiveHealth = z.object({
  hive_id: z.string(),
  state: z.enum(['running', 'stopped', 'unreachable']),
  version: z.string().optional(),
  uptime_s: z.number().optional(),
  pid: z.int().optional(),
  reason: z.string().optional().describe('Why it is not running'),
});
export type HiveHealth = z.output<typeof hiveHealth>;

export const workerStates = ['loading', 'ready', 'busy', 'stopping', 'exited'] as const;

export const worker = z.object({
  worker_id: z.string(),
  hive_id: z.string(),
  model: z.string(),
  worker: workerKind,
  device: z.int(),
  state: z.enum(workerStates),
  port: z.int().optional(),
  pid: z.int().optional(),
  slots: z.int().describe('Requests that it serves at once'),
  slots_used: z.int(),
  context: z.int().optional().describe('Tokens a slot may hold, prompt and answer together'),
  started_at: z.iso.datetime(),
  last_words: z.string().optional().describe('The end of its log, when it exited by itself'),
});
export type Worker = z.output<typeof worker>;

/** What a worker tells the queen, every few seconds and at once on every change of state. */
export const workerHeartbeat = z.strictObject({
  worker_id: z.string().min(1).max(64),
  hive_id: z.string().min(1).max(64),
  model: z.string().max(1024),
  worker: workerKind,
  device: z.int(),
  state: z.enum(workerStates),
  port: z.int(),
  slots: z.int(),
  slots_used: z.int(),
  context: z.int().optional(),
  tokens_per_s: z.number().describe('Over all slots, since the last heartbeat'),
  memory_bytes: z.number().describe('Resident memory of the process'),
});
export type WorkerHeartbeat = z.output<typeof workerHeartbeat>;

export const model = z.object({
  model: z.string().describe('Its name, as infer and worker_spawn take it'),
  path: z.string(),
  size_bytes: z.number(),
  sha256: z.string().optional(),
  source: z.string().describe("Where it came from: 'builtin', a path or a URL"),
  created_at: z.iso.datetime(),
});
export type Model = z.output<typeof model>;
