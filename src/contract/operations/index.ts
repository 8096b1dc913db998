import type * as z from 'zod';
import { aliasOperations } from './alias.ts';
import { embedOperations } from './embed.ts';
import { hiveOperations } from './hive.ts';
import { explain, infer } from './infer.ts';
import { modelOperations } from './model.ts';
import type { OperationSpec } from './operation-spec.ts';
import { ssh_test } from './ssh.ts';
import { status } from './status.ts';
import { workerOperations } from './worker.ts';

export type { OperationSpec } from './operation-spec.ts';
export { inferOutput } from './infer.ts';
export {
  chatMessage,
  textOf,
  tokenLogprob,
  type ChatMessage,
  type ContentPart,
  type Reasoning,
  type TokenLogprob,
  type Tool,
  type ToolCall,
  type ToolChoice,
} from './conversation.ts';

/** Every operation of rbee, once. Forwarding, validation, the command line, its help and docs/API derive from these entries. */
export const operations = {
  status,
  ssh_test,
  ...hiveOperations,
  ...workerOperations,
  ...modelOperations,
  ...aliasOperations,
  explain,
  infer,
  ...embedOperations,
} as const satisfies Record<string, OperationSpec>;

export type OperationName = keyof typeof operations;
/** Operations that run on a worker, where placement chooses one. */
export type WorkerOperation = 'infer' | keyof typeof embedOperations;

export function isWorkerOperation(name: string): name is WorkerOperation {
  return name === 'infer' || Object.hasOwn(embedOperations, name);
}

export type InputOf<K extends OperationName> = z.output<(typeof operations)[K]['input']>;
export type OutputOf<K extends OperationName> = z.output<(typeof operations)[K]['output']>;

export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}
