import * as z from 'zod';
import {
  explanation,
  hive,
  hiveHealth,
  model,
  MODELS_LIMIT,
  SLOTS_LIMIT,
  sshCheck,
  sshTarget,
  transports,
  unfinishedModel,
  worker,
  workerKind,
  WORKERS_LIMIT,
} from './entities.ts';
import type { Role } from './events.ts';
import { direct, hive_id, host, model_name, port, ssh, worker_id } from './fields.ts';
import { infer, inferInput } from './infer.ts';

export interface OperationSpec {
  /** The role that does the work. The roles above it only forward. */
  runsOn: Role;
  summary: string;
  /** The field that the command line takes as its plain argument, and that the older spelling `id` stands for. */
  subject?: string;
  input: z.ZodObject;
  output: z.ZodType;
  /** Set where running it twice does no harm, so that a hive that died in the middle may be asked again. */
  mayRepeat?: true;
  /** Command lines that work as printed, for help and docs. */
  examples: readonly string[];
}

/** Ships with rbee, so that the first command needs no download. */
export const DEFAULT_MODEL = 'tiny';

/** Every operation of rbee, once. Forwarding, validation, the command line, its help and docs/API derive from these entries. */
export const operations = {
  status: {
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
  },
  ssh_test: {
    runsOn: 'queen',
    summary: 'Check what works over SSH to a machine',
    subject: 'hive_id',
    input: z.strictObject({ hive_id: hive_id.removeDefault().optional(), ...ssh }),
    output: z.object({
      ssh_host: z.string(),
      hive_id: z.string().optional().describe('Its hive, when it is registered'),
      reachable: z.boolean().describe('Whether a hive could be installed there; the command ends with exit code 1 where not'),
      checks: z.array(sshCheck),
    }),
    examples: ['rbee ssh test gaming-pc', 'rbee ssh test --ssh-host 192.0.2.7 --ssh-user me'],
  },
  hive_install: {
    runsOn: 'queen',
    summary: 'Set up a hive on a machine, register and start it',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      ...ssh,
      port: port.optional().describe('Port of the hive there; the first free one from 9000 when left out'),
      ...direct,
      host: host.optional().describe('Where it is called directly; its address for SSH when left out'),
    }),
    output: hive,
    examples: ['rbee hive install', 'rbee hive install gaming-pc', 'rbee hive install attic --ssh-host 192.0.2.7 --ssh-user me'],
  },
  hive_uninstall: {
    runsOn: 'queen',
    summary: 'Stop a hive, remove what was installed on its machine, and forget it',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      catalog_only: z.boolean().default(false).describe('Only forget it; leave the machine alone'),
      keep_models: z.boolean().default(false).describe('Leave the downloaded models there'),
    }),
    output: z.object({
      hive_id: z.string(),
      catalog_only: z.boolean().describe('Whether it was only forgotten, and its machine left alone'),
    }),
    examples: ['rbee hive uninstall attic', 'rbee hive uninstall attic --catalog-only'],
  },
  hive_update: {
    runsOn: 'queen',
    summary: 'Bring a hive to this version, change where it is reached, or ask its machine again what it has',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      ...ssh,
      ...direct,
      host: host.optional().describe('New host name or address, for a hive that is called directly'),
      port: port.optional().describe('New port'),
      refresh_capabilities: z.boolean().default(false).describe('Ask the machine again for its devices'),
    }),
    output: hive,
    examples: ['rbee hive update gaming-pc', 'rbee hive update --refresh-capabilities'],
  },
  hive_start: {
    runsOn: 'queen',
    summary: 'Start a hive',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hiveHealth,
    examples: ['rbee hive start'],
  },
  hive_stop: {
    runsOn: 'queen',
    summary: 'Stop a hive and its workers',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hiveHealth,
    examples: ['rbee hive stop'],
  },
  hive_list: {
    runsOn: 'queen',
    summary: 'List the hives',
    input: z.strictObject({}),
    output: z.object({ hives: z.array(hive) }),
    examples: ['rbee hive list'],
  },
  hive_get: {
    runsOn: 'queen',
    summary: 'Show one hive: its address and its devices',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hive,
    examples: ['rbee hive get'],
  },
  hive_status: {
    runsOn: 'queen',
    summary: 'Ask a hive whether it is well',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hiveHealth,
    examples: ['rbee hive status'],
  },
  hive_create: {
    runsOn: 'queen',
    summary: 'Register a hive that runs already',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id: hive_id.removeDefault().optional().describe('Its id; the host when left out'),
      host: host.describe('Host name or address'),
      port: port.default(9000).describe('Port of the hive'),
    }),
    output: hive,
    examples: ['rbee hive create attic --host 127.0.0.1 --port 9000'],
  },
  hive_delete: {
    runsOn: 'queen',
    summary: 'Forget a hive; what runs there goes on',
    subject: 'hive_id',
    input: z.strictObject({ hive_id: hive_id.removeDefault() }),
    output: z.object({
      hive_id: z.string(),
      transport: z.enum(transports).describe('How it was reached'),
      ssh: sshTarget.optional().describe('Where it is still installed, for hives installed over SSH'),
    }),
    examples: ['rbee hive delete attic'],
  },
  hive_import_ssh: {
    runsOn: 'queen',
    summary: 'List the hosts of ~/.ssh/config, and add the chosen ones as hives',
    input: z.strictObject({
      hosts: z.array(host).max(1000).default([]).describe('Which hosts to add; none when left out'),
    }),
    output: z.object({
      hosts: z.array(
        z.object({
          host: z.string().describe('As ~/.ssh/config calls it'),
          hostname: z.string(),
          user: z.string(),
          port: z.int(),
          hive_id: z.string().optional().describe('Its hive, when it is registered'),
        }),
      ),
      hives: z.array(hive).describe('Those that were added'),
    }),
    examples: ['rbee hive import-ssh', 'rbee hive import-ssh --hosts gaming-pc'],
  },
  worker_spawn: {
    runsOn: 'hive',
    summary: 'Start a worker: one model loaded on one device',
    input: z.strictObject({
      hive_id,
      model: model_name.default(DEFAULT_MODEL),
      worker: workerKind.default('cpu').describe('What it computes with'),
      device: z.int().min(0).default(0).describe('Which device of that kind'),
      slots: z.int().min(1).max(SLOTS_LIMIT).optional().describe('Requests to serve at once; 4 when left out'),
      context: z.int().min(64).optional().describe("Tokens a slot may hold; the model's own limit, at most 8192, when left out"),
      pin: z.boolean().default(false).describe('Never end it to make room for another model'),
    }),
    output: worker,
    examples: ['rbee worker spawn --model tiny --worker cpu --device 0'],
  },
  worker_list: {
    runsOn: 'hive',
    mayRepeat: true,
    summary: 'List the workers of a hive',
    input: z.strictObject({ hive_id }),
    output: z.object({ workers: z.array(worker).max(WORKERS_LIMIT) }),
    examples: ['rbee worker list'],
  },
  worker_get: {
    runsOn: 'hive',
    mayRepeat: true,
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
  worker_restart: {
    runsOn: 'hive',
    summary: 'Restart a worker: same id, same model, new process',
    subject: 'worker_id',
    input: z.strictObject({ hive_id, worker_id }),
    output: worker,
    examples: ['rbee worker restart worker-1a2b3c4d'],
  },
  model_download: {
    runsOn: 'hive',
    mayRepeat: true,
    summary: 'Fetch a model onto a hive',
    subject: 'model',
    input: z.strictObject({
      hive_id,
      model: z.string().min(1).max(4096).describe('URL, or path on the hive, of a .gguf file'),
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'letters, digits, dot, dash and underscore only')
        .optional()
        .describe('Name to keep it under; the file name when left out'),
      sha256: z
        .string()
        .regex(/^[0-9a-fA-F]{64}$/, '64 hexadecimal digits')
        .optional()
        .describe('Refuse the file when it has another digest'),
    }),
    output: model,
    examples: ['rbee model download https://example.org/qwen3-8b-Q4_K_M.gguf --name qwen3-8b'],
  },
  model_list: {
    runsOn: 'hive',
    mayRepeat: true,
    summary: 'List the models of a hive',
    input: z.strictObject({ hive_id }),
    output: z.object({
      models: z.array(model).max(MODELS_LIMIT),
      unfinished: z
        .array(unfinishedModel)
        .max(MODELS_LIMIT)
        .optional()
        .describe('What takes room and is no model yet; absent when there is none'),
    }),
    examples: ['rbee model list'],
  },
  model_get: {
    runsOn: 'hive',
    mayRepeat: true,
    summary: 'Show one model',
    subject: 'model',
    input: z.strictObject({ hive_id, model: model_name }),
    output: model,
    examples: ['rbee model get tiny'],
  },
  model_delete: {
    runsOn: 'hive',
    summary: 'Delete a model and its file',
    subject: 'model',
    input: z.strictObject({ hive_id, model: model_name }),
    output: z.object({ model: z.string() }),
    examples: ['rbee model delete qwen3-8b'],
  },
  explain: {
    runsOn: 'queen',
    summary: 'Say where a request would run now, and why there and nowhere else',
    subject: 'prompt',
    input: inferInput,
    output: explanation,
    examples: ['rbee explain "What does a bee do?"', 'rbee infer "Say hi" --model qwen3-8b --dry-run'],
  },
  infer,
} as const satisfies Record<string, OperationSpec>;

export type OperationName = keyof typeof operations;
export type InputOf<K extends OperationName> = z.output<(typeof operations)[K]['input']>;
export type OutputOf<K extends OperationName> = z.output<(typeof operations)[K]['output']>;

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}
