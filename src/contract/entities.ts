import * as z from 'zod';
import { actors, failed, roles } from './events.ts';

/*
 * Much of this comes from other machines, so every field has a limit, several times what a real value needs. A list that is too
 * long is rejected before its elements are parsed.
 */
const id = z.string().max(64);
const name = z.string().max(1024);
const short = z.string().max(256);
/** Some file systems report 8 EiB. */
const bytes = z
  .number()
  .min(0)
  .max(2 ** 70);

/** Of one machine. A hive with more reports this many. */
export const WORKERS_LIMIT = 1_000;
export const MODELS_LIMIT = 4_000;
const DEVICES_LIMIT = 128;
/** Of the end of the log of a worker that has exited. */
export const LAST_WORDS_LIMIT_CHARS = 8_000;
/** Lines of a log that one request may ask for. */
export const LOG_LINES_LIMIT = 10_000;
/** A longer line of a log is cut. */
export const LOG_LINE_LIMIT_CHARS = 8_000;
/** In seconds. The limit keeps a clock plus an age a valid time. */
const age = z.number().min(0).max(1e10);

export const deviceKinds = ['cpu', 'cuda', 'metal', 'vulkan'] as const;
export const deviceKind = z.enum(deviceKinds);
export type DeviceKind = z.output<typeof deviceKind>;

export const jobStates = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export const jobState = z.enum(jobStates);
export type JobState = z.output<typeof jobState>;

/** The job on the role below to which this job was forwarded. */
export const downstreamJob = z.object({
  role: z.enum(roles),
  name: id.describe('Id of the hive or worker'),
  job_id: short,
  operation: short.optional().describe('Where it is not the operation of this job, but a step before it'),
  driven_at: z.iso
    .datetime()
    .optional()
    .describe('When it was forwarded, by the clock of the forwarding role: the clocks of two machines differ'),
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
  age_ms: z.number().optional().describe('Time since it was created, by the clock of its own role; absent when it has ended'),
  error: failed.optional(),
  downstream: z.array(downstreamJob),
});
export type JobRecord = z.output<typeof jobRecord>;

export const health = z.object({
  role: z.enum(roles),
  name: z.string().describe("Id of the hive or worker; 'queen' for the queen"),
  version: z.string(),
  uptime_s: z.number(),
  pid: z.int(),
  home: z.string().describe('Digest of the home directory, which distinguishes two fleets on one machine'),
});
export type Health = z.output<typeof health>;

export const device = z.object({
  worker: deviceKind.describe('Kind of device'),
  device: z.int().min(0).max(1_000).describe('Number among the devices of its kind'),
  name: short,
  memory_bytes: bytes,
  memory_free_bytes: bytes.describe('Memory that a program could get now'),
  promised_bytes: bytes.optional().describe('Part of the free bytes that is reserved for workers that are still loading'),
  usable: z.boolean().optional().describe('False when nothing can run on it: its engine or driver is missing or does not work'),
  problem: short.optional().describe('Why it is not usable, when the cause is known'),
  unified: z.boolean().optional().describe('True when it has no memory of its own and shares that of the CPU'),
  cores: z.int().min(0).optional(),
  driver: short.optional(),
});
export type Device = z.output<typeof device>;

/** What the engine reports of all GPUs of one kind that a process can use, with their total memory. */
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

/** A machine, as OpenSSH takes it; omitted fields come from ~/.ssh/config. */
export const sshTarget = z.object({ host: z.string(), port: z.int().optional(), user: z.string().optional() });
export type SshTarget = z.output<typeof sshTarget>;

export const hive = z.object({
  hive_id: z.string(),
  transport: z
    .enum(transports)
    .describe('local: a process on the machine of the queen. ssh: through one SSH connection. http: directly'),
  host: z.string().describe('Host of its port; with ssh, as seen from its own machine'),
  port: z.int(),
  ssh: sshTarget.optional().describe('The machine where it was installed, and is started and stopped, over SSH'),
  version: z.string().optional().describe('Version of the installed rbee, for hives installed over SSH'),
  stopped: z
    .boolean()
    .optional()
    .describe('True when it was stopped on purpose; it starts again when a command or request names it'),
  created_at: z.iso.datetime(),
  capabilities: capabilities.optional().describe('As last recorded; refresh with hive update --refresh-capabilities'),
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
  code: short.optional().describe('Code of the error behind the reason'),
});
export type HiveHealth = z.output<typeof hiveHealth>;

/** How a model writes calls of tools: with JSON arguments, one argument after the other, in channels, or in rbee's own form. */
export const toolForms = ['json', 'parameters', 'channels', 'generic'] as const;
export type ToolForm = (typeof toolForms)[number];

export const workerStates = ['loading', 'ready', 'busy', 'stopping', 'exited'] as const;

/** Per worker. */
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
  slots: z.int().min(0).max(SLOTS_LIMIT).describe('Requests served at once'),
  slots_used: z.int().min(0).max(SLOTS_LIMIT),
  context: z.int().min(0).optional().describe('Tokens per slot, prompt and answer together'),
  tool_form: z
    .enum(toolForms)
    .optional()
    .describe("How its model writes calls of tools, found when it was loaded; generic for rbee's own form; absent without text"),
  started_at: z.iso.datetime(),
  pinned: z.boolean().optional().describe('True when it is never stopped to free memory for another model'),
  last_used_at: z.iso.datetime().optional().describe('When its last request ended; absent before the first'),
  unused_s: age.optional().describe('Seconds since last_used_at, or since it was started, at the time of the report'),
  keep_alive_s: z.number().optional().describe('Seconds without a request after which it is stopped; negative for never'),
  need_bytes: bytes.optional().describe('Estimated need of device memory'),
  tokens_per_s: z.number().min(0).optional().describe('All slots together, as last reported'),
  memory_bytes: bytes.optional().describe('Resident memory of the process, as last reported'),
  steps: z.int().min(0).optional().describe('Steps that its engine has computed, as last reported'),
  last_words: z.string().max(LAST_WORDS_LIMIT_CHARS).optional().describe('Last lines of its log, when it exited unexpectedly'),
});
export type Worker = z.output<typeof worker>;

/** What a worker sends to its hive, every few seconds and at once on every change of state. */
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
  tokens_per_s: z.number().min(0).describe('All slots together, since the last heartbeat'),
  memory_bytes: bytes.describe('Resident memory of the process'),
  steps: z.int().min(0).describe('Steps that its engine has computed since it was loaded'),
});
export type WorkerHeartbeat = z.output<typeof workerHeartbeat>;

/** Memory that a loaded model takes, computed from its GGUF header. */
export const modelMemory = z.object({
  weights_bytes: bytes,
  kv_bytes_per_token: bytes.describe('KV cache of one token in one slot, with 16-bit keys and values'),
  compute_bytes: bytes.describe('Compute buffers for one batch on a CPU'),
  gpu_compute_bytes: bytes.describe('The same on a GPU, where batches are larger and attention scores are not stored'),
  context_length: z.int().min(0).describe('Context length in training, in tokens'),
  architecture: short.optional().describe('As llama.cpp names it, for example llama'),
});
export type ModelMemory = z.output<typeof modelMemory>;

const sampled = z.number().min(0).max(1_000_000).optional();
/** What its GGUF header says of a model: only what is small, since every hive reports all its models. */
export const modelDetails = z.object({
  architecture: short.optional().describe('As llama.cpp names it, for example llama'),
  parameters: z.number().min(0).max(1e15).optional().describe('How many weights it has'),
  quantization: short.optional().describe('As llama.cpp names it, for example Q4_K_M'),
  context_length: z.int().min(0).optional().describe('Context length in training, in tokens'),
  embedding_length: z.int().min(0).optional().describe('Numbers of the vector of a token'),
  license: short.optional(),
  capabilities: z
    .array(short)
    .max(16)
    .optional()
    .describe('Of completion, tools, thinking, insert (fills in the middle), embedding, rerank, by its header and template'),
  sampling: z
    .object({
      ...{ temperature: sampled, top_k: sampled, top_p: sampled, min_p: sampled },
      ...{ repeat_penalty: sampled, repeat_last_n: sampled },
    })
    .optional()
    .describe('What it recommends to sample it with'),
  bos_token_id: z.int().min(0).optional(),
  eos_token_id: z.int().min(0).optional(),
});
export type ModelDetails = z.output<typeof modelDetails>;

/** A file of a repository of the Hub. */
const modelFile = z.object({
  path: z.string().max(1_024),
  size_bytes: bytes,
  digest: short.describe("Its sha256, or git's digest where the Hub has it in git itself"),
});
/** Parts of one model. The largest have about a hundred. */
const MODEL_FILES_LIMIT = 1_000;

/** Where a model of the Hub came from. */
const hubOrigin = {
  repo: short.describe('Its repository on the Hub'),
  revision: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .describe('The commit of its repository'),
  files: z.array(modelFile).min(1).max(MODEL_FILES_LIMIT).describe('Its files in the repository, in the order of its parts'),
};
/** The download of a model of the Hub, from when its files are known until all are here. */
export const modelPull = z.object({ model: name, ...hubOrigin });
export type ModelPull = z.output<typeof modelPull>;

export const model = z.object({
  model: name.describe('Name, as infer and worker_spawn take it'),
  path: z.string().max(8_192),
  size_bytes: bytes.describe('All parts together'),
  sha256: short.optional().describe('Of a model in one file'),
  source: z.string().max(40_000).describe("Origin: 'builtin', a path, a URL, or hf:org/repo:QUANT"),
  memory: modelMemory.optional().describe('Estimated from its header; absent when that could not be read'),
  details: modelDetails.optional().describe('From its header; absent when that could not be read'),
  repo: hubOrigin.repo.optional(),
  revision: hubOrigin.revision.optional(),
  files: hubOrigin.files.optional(),
  created_at: z.iso.datetime(),
});
export type Model = z.output<typeof model>;

/** Models of one repository of the Hub. The largest repositories have a few hundred. */
const HUB_MODELS_LIMIT = 2_000;
export const hubModels = z.object({
  repo: hubOrigin.repo,
  revision: hubOrigin.revision,
  models: z
    .array(
      z.object({
        model: name.describe('Name, as model_download takes it'),
        quantization: short.describe('Or the name of the file, where that names none'),
        size_bytes: bytes.describe('All parts together'),
        parts: z.int().min(1),
        whole: z.boolean().describe('False while parts of it are missing on the Hub'),
        fits: z
          .boolean()
          .optional()
          .describe('Whether the largest device of the hive could load it; absent when that is not known'),
        default: z.boolean().optional().describe('True for the one that is downloaded when no quantization is named'),
      }),
    )
    .max(HUB_MODELS_LIMIT),
  largest_device_bytes: bytes.optional().describe('Memory of the largest device of the hive'),
});

/** A repository of the Hub, as its search has it. */
export const foundModel = z.object({
  model: name,
  downloads: z.number().min(0).optional().describe('In the last 30 days'),
  likes: z.number().min(0).optional(),
  updated_at: z.iso.datetime().optional(),
  gated: z.boolean().describe('Whether its owner asks for consent first'),
  architecture: short.optional(),
  parameters: z.number().min(0).optional(),
});

/** What GET /v1/model of a hive answers where `header` is asked for: short, or whole with the arrays of its tokenizer. */
export const modelHeaders = ['short', 'whole'] as const;
export const modelWithHeader = model.extend({ header: z.record(z.string(), z.unknown()) });
export type ModelHeader = z.output<typeof modelWithHeader>['header'];

export const unfinishedModel = z.object({
  model: z.string().describe('Name, as model_download resumes it and model_delete deletes it'),
  size_bytes: z.number().describe('Bytes downloaded so far'),
});
export type UnfinishedModel = z.output<typeof unfinishedModel>;

/**
 * The machine and models of a hive: one line of its report (GET /v1/presence, JSON lines). A hive reports first its whole state, ended by
 * `complete`, then each change.
 */
export const hiveReport = z.object({
  kind: z.literal('hive'),
  hive_id: id,
  version: short,
  pid: z.int().min(0),
  started_at: z.iso.datetime(),
  uptime_s: age.optional().describe('Seconds since started_at, at the time of the report'),
  hostname: short,
  disk_free_bytes: bytes,
  devices: z.array(device).max(DEVICES_LIMIT),
  models: z.array(model).max(MODELS_LIMIT),
});
export type HiveReport = z.output<typeof hiveReport>;

/** One worker of the hive, new or changed. */
export const workerReport = z.object({ kind: z.literal('worker'), worker });
/** A worker that no longer exists. */
export const workerGone = z.object({ kind: z.literal('worker_gone'), worker_id: id });
/** Ends the report of the whole state. */
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
  next: z.string().optional().describe('What to do next'),
  version: z.string().optional().describe("Version of the installed rbee, in the check 'rbee'"),
});
export type SshCheck = z.output<typeof sshCheck>;
