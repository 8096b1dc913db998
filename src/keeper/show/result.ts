import { isOperationName, operations, type OperationName, type OutputOf } from '../../contract/index.ts';
import type { Asked, KnownInput } from '../shown.ts';
import { explanationText } from './explanation.ts';
import { deletedText, hiveHealthText, hiveListText, hiveText, uninstalledText } from './hives.ts';
import type { Look } from './look.ts';
import { foundModelsText, hubModelsText } from './hub.ts';
import { aliasesText, modelListText, modelText } from './models.ts';
import { sshHostsText, sshTestText } from './ssh.ts';
import { statusText } from './status.ts';
import { list } from './table.ts';
import { rankingText, vectorText } from './vectors.ts';
import { workersText, workerText } from './workers.ts';

type Renderer<K extends OperationName> = (output: OutputOf<K>, look: Look, input: KnownInput) => string;

/** How the output of each operation is shown to people; that of any other is a list of its fields. `infer` and `worker_logs` stream theirs. */
const renderers: { readonly [K in OperationName]?: Renderer<K> } = {
  status: statusText,
  explain: explanationText,
  ssh_test: sshTestText,
  hive_install: hiveText,
  hive_uninstall: uninstalledText,
  hive_update: hiveText,
  hive_start: hiveHealthText,
  hive_stop: hiveHealthText,
  hive_list: hiveListText,
  hive_get: hiveText,
  hive_status: hiveHealthText,
  hive_create: hiveText,
  hive_delete: deletedText,
  hive_import_ssh: sshHostsText,
  worker_spawn: workerText,
  worker_list: ({ workers }, look) => workersText(workers, look),
  worker_get: workerText,
  worker_delete: ({ worker_id }) => `${worker_id} deleted`,
  worker_logs: () => '',
  worker_restart: workerText,
  model_download: modelText,
  model_list: modelListText,
  model_get: modelText,
  model_files: hubModelsText,
  model_search: foundModelsText,
  model_alias: aliasesText,
  model_unalias: aliasesText,
  embed: ({ embeddings }) => embeddings.map(vectorText).join('\n'),
  rerank: ({ results }, look, input) => rankingText(results, input, look),
  count_tokens: ({ prompt_tokens }) => String(prompt_tokens),
  model_delete: ({ model }) => `model ${model} deleted`,
};

/** The output of an operation, for people. */
export function resultText({ operation, input = {} }: Asked, value: unknown, look: Look): string {
  return (isOperationName(operation) ? rendered(operation, value, { look, input }) : undefined) ?? pairs(value, look);
}

/** Undefined for an operation without a renderer, and for an output that does not have the shape of the contract. */
function rendered<K extends OperationName>(
  operation: K,
  value: unknown,
  { look, input }: { look: Look; input: KnownInput },
): string | undefined {
  const parsed = operations[operation].output.safeParse(value);
  return parsed.success ? renderers[operation]?.(parsed.data as OutputOf<K>, look, input) : undefined;
}

function pairs(value: unknown, look: Look): string {
  if (typeof value !== 'object' || value === null) return plain(value) ?? '';
  return list(
    Object.entries(value).map(([key, each]) => [key.replaceAll('_', ' '), plain(each)]),
    look,
  );
}

function plain(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(plain).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
