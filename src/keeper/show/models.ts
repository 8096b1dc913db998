import {
  printable,
  type Model,
  type ModelDetails,
  type ModelMemory,
  type OutputOf,
  type UnfinishedModel,
} from '../../contract/index.ts';
import type { Look } from './look.ts';
import { LEAST_PATH_WIDTH, list, table, type Column } from './table.ts';
import { bytes, clock } from './units.ts';

const NO_MODELS = 'No models. Fetch one: rbee model download <org/repo>';

const columns: Column<Model>[] = [
  { title: 'MODEL', cell: (each) => each.model, narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'SIZE', cell: (each) => bytes(each.size_bytes), align: 'right' },
  { title: 'SOURCE', cell: (each) => each.source, narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'FILE', cell: (each) => each.path, narrow: 'cut', least: LEAST_PATH_WIDTH },
];

export function modelText(model: Model, look: Look): string {
  return list(
    [
      ['model', model.model],
      ['size', bytes(model.size_bytes)],
      ['file', model.path],
      ...detailRows(model.details),
      ['memory', model.memory && memoryText(model.memory)],
      ['source', model.source],
      ['parts', model.files === undefined || model.files.length === 1 ? undefined : String(model.files.length)],
      ['commit', model.revision],
      ['sha256', model.sha256],
      ['since', clock(model.created_at)],
    ],
    look,
  );
}

export function modelListText({ models, unfinished = [] }: OutputOf<'model_list'>, look: Look): string {
  const rows = models.length === 0 ? NO_MODELS : table(models, columns, look);
  return unfinished.length === 0 ? rows : `${rows}\n\n${unfinishedText(unfinished)}`;
}

export function aliasesText({ aliases }: OutputOf<'model_alias'>, look: Look): string {
  if (aliases.length === 0) return 'No aliases. Add one: rbee model alias <name> <model>';
  const columns: Column<(typeof aliases)[number]>[] = [
    { title: 'ALIAS', cell: ({ alias }) => alias },
    { title: 'MODEL', cell: ({ model }) => model, narrow: 'cut', least: LEAST_PATH_WIDTH },
  ];
  return table(aliases, columns, look);
}

/** The models of several hives, for `rbee status`. */
export function modelsOfHives(models: OutputOf<'status'>['models'], look: Look): string {
  const [name, ...rest] = columns as Column<OutputOf<'status'>['models'][number]>[];
  const hive = { title: 'HIVE', cell: ({ hive_id }: { hive_id: string }) => hive_id, narrow: 'cut' } as const;
  return table(models, [...(name === undefined ? [] : [name]), hive, ...rest], look);
}

function unfinishedText(rows: readonly UnfinishedModel[]): string {
  const lines = rows.map(({ model, size_bytes }) => `  ${printable(model)}, ${bytes(size_bytes)} so far`);
  const title = 'Unfinished downloads (the same rbee model download resumes, rbee model delete <model> deletes):';
  return [title, ...lines].join('\n');
}

function detailRows(details: ModelDetails = {}): [string, string | undefined][] {
  const { architecture, parameters, quantization, context_length, embedding_length, sampling = {} } = details;
  const kind = [architecture, parameters === undefined ? undefined : `${short(parameters)} parameters`, quantization];
  const recommended = Object.entries(sampling).map(([name, value]) => `${name} ${value}`);
  return [
    ['kind', joined(kind)],
    ['can', joined(details.capabilities ?? [])],
    ['context', context_length === undefined ? undefined : `${context_length.toLocaleString('en')} tokens in training`],
    ['vectors', embedding_length === undefined ? undefined : `${embedding_length.toLocaleString('en')} numbers`],
    ['sampling', joined(recommended)],
    ['license', details.license],
  ];
}

/** 7.6B, 2.1M. The format is made here, and not at the start of every process: making it takes 10 ms. */
function short(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(count);
}

function joined(parts: readonly (string | undefined)[]): string | undefined {
  const known = parts.filter((part) => part !== undefined);
  return known.length === 0 ? undefined : known.join(', ');
}

function memoryText(memory: ModelMemory): string {
  const cache = `${bytes(memory.kv_bytes_per_token * 1000)} of KV cache for 1,000 tokens`;
  return `${bytes(memory.weights_bytes)} of weights, ${cache}, ${bytes(memory.compute_bytes)} of compute buffers`;
}
