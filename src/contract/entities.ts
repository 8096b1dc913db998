import * as z from 'zod';
import { actors, failed, roles } from './events.ts';

/*
 * Much of this comes from other machines, so every field has a limit, several times what a real one needs. A list that is too
 * long is refused before any of its elements is looked at.
 */
const id = z.string().max(64);
const name = z.string().max(1024);
const short = z.string().max(256);
/** Some file systems say that they have room for 8 EiB. */
const bytes = z
  .number()
  .min(0)
  .max(2 ** 70);

/** Of one machine. A hive that has more tells of so many. */
export const WORKERS_LIMIT = 1_000;
export const MODELS_LIMIT = 4_000;
const DEVICES_LIMIT = 128;
/** The end of a dead worker's log. */
export const LAST_WORDS_LIMIT_CHARS = 8_000;
/** Seconds. Added to a clock, it is still a time that there is. */
const age = z.number().min(0).max(1e10);

export const deviceKinds = ['cpu', 'cuda', 'metal', 'vulkan'] as const;
export const deviceKind = z.enum(deviceKinds);
export type DeviceKind = z.output<typeof deviceKind>;

export const jobStates = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export const jobState = z.enum(jobStates);
export type JobState = z.output<typeof jobState>;

/** A job that this job drives on the role below. */
export const downstreamJob = z.object({
  role: z.enum(roles),
  name: id.describe('The hive or worker by its id'),
  job_id: short,
  driven_at: z.iso
    .datetime()
    .optional()
    .describe('When it was asked, by the clock of the role that drives it: the clocks of two machines differ'),
});
export type DownstreamJob = z.output<typeof downstreamJob>;

export const jobRecord = z.object({
  job_id: short,
  operation: short,
  state: jobState,
  actor: z.enum(actors),
  correlation_id: short,
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().optional(),
  first_token_at: z.iso.datetime().optional(),
  ended_at: z.iso.datetime().optional(),
  age_ms: z.number().optional().describe('How long ago it was created, for one that has not ended, by the clock of its own role'),
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
  worker: deviceKind.describe('The kind of worker that runs on it'),
  device: z.int().min(0).max(1_000).describe('Its number among the devices of its kind'),
  name: short,
  memory_bytes: bytes,
  memory_free_bytes: bytes.describe('What a program could get now'),
  promised_bytes: bytes.optional().describe('Of the free bytes, those promised to workers that are still loading'),
  usable: z
    .boolean()
    .optional()
    .describe('False where nothing can run on it: its engine or its driver is missing, or does not work'),
  problem: short.optional().describe('Why it is not usable, where more is known than that something is not installed'),
  unified: z.boolean().optional().describe("True where it has no memory of its own, and shares the CPU's"),
  cores: z.int().min(0).optional(),
  driver: short.optional(),
});
export type Device = z.output<typeof device>;

/** What the engine says of the GPUs of one kind that a process sees; their memory together. */
export const gpuProbe = z.object({
  names: z.array(z.string()),
  memory_bytes: bytes,
  memory_free_bytes: bytes,
  unified: z.boolean(),
});
export type GpuProbe = z.output<typeof gpuProbe>;

export const capabilities = z.object({
  hive_id: id,
  version: short,
  hostname: short,
  os: short,
  arch: short,
  devices: z.array(device).max(DEVICES_LIMIT),
  disk_free_bytes: bytes,
});
export type Capabilities = z.output<typeof capabilities>;

export const transports = ['local', 'ssh', 'http'] as const;

/** How OpenSSH is told where a machine is; what is left out is up to ~/.ssh/config. */
export const sshTarget = z.object({ host: z.string(), port: z.int().optional(), user: z.string().optional() });
export type SshTarget = z.output<typeof sshTarget>;

export const hive = z.object({
  hive_id: z.string(),
  transport: z
    .enum(transports)
    .describe('local: a process of this machine. ssh: through one SSH connection. http: called directly'),
  host: z.string().describe('Where its port is; behind ssh, as seen from its own machine'),
  port: z.int(),
  ssh: sshTarget.optional().describe('Where it was installed, and is started and stopped, over SSH'),
  version: z.string().optional().describe('The rbee that is installed there, for hives installed over SSH'),
  stopped: z.boolean().optional().describe('It was stopped on purpose, and is not started before somebody needs it'),
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

/** Of one worker. */
export const SLOTS_LIMIT = 256;

export const worker = z.object({
  worker_id: id,
  hive_id: id,
  model: name,
  worker: deviceKind,
  device: z.int().min(0).max(1_000),
  state: z.enum(workerStates),
  port: z.int().min(0).max(65_535).optional(),
  pid: z.int().min(0).optional(),
  slots: z.int().min(0).max(SLOTS_LIMIT).describe('Requests that it serves at once'),
  slots_used: z.int().min(0).max(SLOTS_LIMIT),
  context: z.int().min(0).optional().describe('Tokens a slot may hold, prompt and answer together'),
  started_at: z.iso.datetime(),
  pinned: z.boolean().optional().describe('Never ended to make room for another model'),
  last_used_at: z.iso.datetime().optional().describe('When its last request ended; absent when it had none'),
  unused_s: age.optional().describe('Seconds since then, or since it was started, when this was reported'),
  need_bytes: bytes.optional().describe('Memory that it was estimated to need, of its device'),
  tokens_per_s: z.number().min(0).optional().describe('Over all slots, as it last reported'),
  memory_bytes: bytes.optional().describe('Resident memory of the process, as it last reported'),
  steps: z.int().min(0).optional().describe('Steps that its engine has computed, as it last reported'),
  last_words: z.string().max(LAST_WORDS_LIMIT_CHARS).optional().describe('The end of its log, when it exited by itself'),
});
export type Worker = z.output<typeof worker>;

/** What a worker tells the queen, every few seconds and at once on every change of state. */
export const workerHeartbeat = z.strictObject({
  worker_id: z.string().min(1).max(64),
  hive_id: z.string().min(1).max(64),
  model: z.string().max(1024),
  worker: deviceKind,
  device: z.int().min(0).max(1_000),
  state: z.enum(workerStates),
  port: z.int(),
  slots: z.int().min(0).max(SLOTS_LIMIT),
  slots_used: z.int().min(0).max(SLOTS_LIMIT),
  context: z.int().optional(),
  tokens_per_s: z.number().min(0).describe('Over all slots, since the last heartbeat'),
  memory_bytes: bytes.describe('Resident memory of the process'),
  steps: z.int().min(0).describe('Steps that its engine has computed since it was loaded'),
});
export type WorkerHeartbeat = z.output<typeof workerHeartbeat>;

/** What loading a model takes, read from its GGUF header. */
export const modelMemory = z.object({
  weights_bytes: bytes,
  kv_bytes_per_token: bytes.describe('KV cache of one token in one slot, with 16-bit keys and values'),
  compute_bytes: bytes.describe('Room to compute a batch in on a CPU'),
  gpu_compute_bytes: bytes.describe('The same on a GPU, whose batches are larger, and which keeps no scores of the attention'),
  context_length: z.int().min(0).describe('Tokens that it was trained on'),
});
export type ModelMemory = z.output<typeof modelMemory>;

export const model = z.object({
  model: name.describe('Its name, as infer and worker_spawn take it'),
  path: z.string().max(8_192),
  size_bytes: bytes,
  sha256: short.optional(),
  source: z.string().max(40_000).describe("Where it came from: 'builtin', a path or a URL"),
  memory: modelMemory.optional().describe('Estimated from its header; absent where that could not be read'),
  created_at: z.iso.datetime(),
});
export type Model = z.output<typeof model>;

export const unfinishedModel = z.object({
  model: z.string().describe('Its name, as model_download goes on with it and model_delete deletes it'),
  size_bytes: z.number().describe('What has come of it'),
});
export type UnfinishedModel = z.output<typeof unfinishedModel>;

/**
 * What a hive tells whoever listens to it (GET /v1/presence, a line of JSON each): first all of it, then what has changed.
 * Its machine and models:
 */
export const hiveReport = z.object({
  kind: z.literal('hive'),
  hive_id: id,
  version: short,
  pid: z.int().min(0),
  started_at: z.iso.datetime(),
  uptime_s: age.optional().describe('Seconds since then, when this was reported'),
  hostname: short,
  disk_free_bytes: bytes,
  devices: z.array(device).max(DEVICES_LIMIT),
  models: z.array(model).max(MODELS_LIMIT),
});
export type HiveReport = z.output<typeof hiveReport>;

/** One of its workers, as it is now. */
export const workerReport = z.object({ kind: z.literal('worker'), worker });
/** One that it has not any more. */
export const workerGone = z.object({ kind: z.literal('worker_gone'), worker_id: id });
/** Everything there was to say has been said once. */
export const presenceComplete = z.object({ kind: z.literal('complete') });

export const presenceLine = z.discriminatedUnion('kind', [hiveReport, workerReport, workerGone, presenceComplete]);
export type PresenceLine = z.output<typeof presenceLine>;

export const sshCheck = z.object({
  check: z.enum([
    ...['resolve', 'connect', 'host_key', 'authenticate', 'shell', 'forwarding', 'system', 'libc', 'tools', 'home'],
    ...['disk', 'gpu', 'rbee'],
  ] as const),
  ok: z.boolean(),
  says: z.string(),
  next: z.string().optional().describe('What to do about it'),
  version: z.string().optional().describe("Of the rbee that is installed there, in the check 'rbee'"),
});
export type SshCheck = z.output<typeof sshCheck>;

/** One place where a request could run, and why it is taken or not. */
export const candidate = z.object({
  hive_id: z.string(),
  device: z.string().describe("Such as 'cuda:0'; '*' for the whole hive"),
  worker_id: z.string().optional(),
  verdict: z.enum(['chosen', 'possible', 'rejected']),
  reason: z.string(),
});
export type Candidate = z.output<typeof candidate>;

/** What placement decided to do. */
export const placementKinds = ['worker', 'wait', 'spawn', 'download', 'evict', 'refuse'] as const;
export const explanation = z.object({
  model: z.string(),
  decision: z.enum(placementKinds).describe("'refuse' where it would run nowhere; the command ends with exit code 1 then"),
  says: z.string().describe('The decision in a sentence'),
  code: z.string().optional().describe('Of the error that the request would fail with, where it is refused'),
  hive_id: z.string().optional(),
  device: z.string().optional(),
  worker_id: z.string().optional(),
  candidates: z.array(candidate),
});
export type Explanation = z.output<typeof explanation>;
