import type { ModelDetails } from '../../contract/index.ts';
import { FILE_TYPES, TENSOR_TYPES } from './file-types.ts';
import type { FieldValue, GgufHeader, HeaderWish } from './gguf-header.ts';

const TEMPLATE = 'tokenizer.chat_template';
const SHORT_LIMIT_CHARS = 256;
/** `pooling_type` of a model that ranks documents. */
const POOLS_A_RANK = 4;

/** What a model recommends to sample it with, and the bounds within which that makes sense: those of the worker. */
const SAMPLING = {
  temperature: { field: 'temp', least: 0, most: 5 },
  top_k: { field: 'top_k', least: 0, most: 100_000 },
  top_p: { field: 'top_p', least: 0, most: 1 },
  min_p: { field: 'min_p', least: 0, most: 1 },
  repeat_penalty: { field: 'penalty_repeat', least: 0.01, most: 10 },
  repeat_last_n: { field: 'penalty_last_n', least: 0, most: 1_000_000 },
} as const;

/** Special tokens around the text before and after a gap: the names of their fields, and their texts, by which llama.cpp knows them too. */
const GAP = {
  before: {
    fields: ['fim_pre', 'prefix'],
    texts: ['<|fim_prefix|>', '<fim-prefix>', '<fim_prefix>', '<｜fim▁begin｜>', '<PRE>', '<|code_prefix|>'],
  },
  after: {
    fields: ['fim_suf', 'suffix'],
    texts: ['<|fim_suffix|>', '<fim-suffix>', '<fim_suffix>', '<｜fim▁hole｜>', '<SUF>', '<|code_suffix|>'],
  },
} as const;

const idField = (name: string) => `tokenizer.ggml.${name}_token_id`;
const GENERAL = ['license', 'file_type', 'parameter_count', ...Object.values(SAMPLING).map(({ field }) => `sampling.${field}`)];
const TOKENS = ['bos', 'eos', ...GAP.before.fields, ...GAP.after.fields];
const wanted: ReadonlySet<string> = new Set([TEMPLATE, ...GENERAL.map((name) => `general.${name}`), ...TOKENS.map(idField)]);
const wantedOfArchitecture: ReadonlySet<string> = new Set(['pooling_type', 'attention.causal']);

/** Whether the details need this field of a header, beside those of the memory estimate. */
export function isDetailField(name: string): boolean {
  return wanted.has(name) || wantedOfArchitecture.has(name.slice(name.indexOf('.') + 1));
}

/** A template has tens of kilobytes at most. It is looked at, and not kept. */
export const DETAILS_WISH: Partial<HeaderWish> = {
  textBytes: 128 * 1024,
  tensors: true,
  marks: new Set([...GAP.before.texts, ...GAP.after.texts]),
};

/** What is shown of a model: what its header says. */
export function detailsOf(header: GgufHeader): ModelDetails {
  const { fields } = header;
  const architecture = shortText(fields.get('general.architecture'));
  const own = (name: string) => (architecture === undefined ? undefined : fields.get(`${architecture}.${name}`));
  return withoutGaps({
    architecture,
    parameters: parametersOf(header),
    quantization: quantizationOf(header),
    context_length: whole(own('context_length')),
    embedding_length: whole(own('embedding_length')),
    license: shortText(fields.get('general.license')),
    capabilities: capabilitiesOf(header, architecture ?? ''),
    sampling: samplingOf(fields),
    bos_token_id: whole(fields.get(idField('bos'))),
    eos_token_id: whole(fields.get(idField('eos'))),
  });
}

/** One file of several has only some of the weights. */
function parametersOf({ fields, weights }: GgufHeader): number | undefined {
  const said = whole(fields.get('general.parameter_count'));
  if (said !== undefined && said > 0) return said;
  const isPart = (whole(fields.get('split.count')) ?? 1) > 1;
  const counted = [...(weights?.values() ?? [])].reduce((sum, count) => sum + count, 0);
  return isPart || counted === 0 || !Number.isSafeInteger(counted) ? undefined : counted;
}

/** As the file says, or else the type of most weights. */
function quantizationOf({ fields, weights = new Map() }: GgufHeader): string | undefined {
  const said = FILE_TYPES[whole(fields.get('general.file_type')) ?? -1];
  const [most] = [...weights].toSorted(([, one], [, other]) => other - one);
  return said ?? (most && TENSOR_TYPES[most[0]]);
}

/**
 * Whether a model writes text is what its worker goes by too. Whether it calls tools and reasons is read off the words of its template,
 * which costs nothing; the worker renders the template when it loads the model, and knows better. Tools can be forced on any model.
 */
function capabilitiesOf({ fields, marks }: GgufHeader, architecture: string): string[] {
  const pooling = fields.get(`${architecture}.pooling_type`);
  if (pooling === POOLS_A_RANK) return ['rerank'];
  const isCausal = Boolean(fields.get(`${architecture}.attention.causal`) ?? true);
  if (!isCausal || architecture.includes('bert') || architecture === 't5encoder') return ['embedding'];
  // Trained for vectors, like others to write.
  if (typeof pooling === 'number' && pooling > 0) return ['embedding'];
  const template = String(fields.get(TEMPLATE) ?? '');
  const has = ({ fields: names, texts }: (typeof GAP)['before' | 'after']) =>
    names.some((name) => fields.has(idField(name))) || texts.some((text) => marks.has(text));
  return [
    'completion',
    ...(/\btools\b/.test(template) ? ['tools'] : []),
    ...(/<think>|enable_thinking|reasoning_effort/.test(template) ? ['thinking'] : []),
    ...(has(GAP.before) && has(GAP.after) ? ['insert'] : []),
  ];
}

function samplingOf(fields: GgufHeader['fields']): ModelDetails['sampling'] {
  const found = Object.entries(SAMPLING).flatMap(([name, { field, least, most }]) => {
    const value = fields.get(`general.sampling.${field}`);
    return typeof value === 'number' && value >= least && value <= most ? [[name, value] as const] : [];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function whole(value: FieldValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function shortText(value: FieldValue | undefined): string | undefined {
  return typeof value === 'string' && value.length <= SHORT_LIMIT_CHARS ? value : undefined;
}

function withoutGaps(details: { [K in keyof ModelDetails]: ModelDetails[K] | undefined }): ModelDetails {
  return Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined));
}
