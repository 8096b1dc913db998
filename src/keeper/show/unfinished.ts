import { operations, printable, type OutputOf, type UnfinishedModel } from '../../contract/index.ts';
import { bytes } from './units.ts';

type WithUnfinished = OutputOf<'model_list'> & { unfinished: UnfinishedModel[] };

export function hasUnfinished(value: unknown): value is WithUnfinished {
  const list = operations.model_list.output.safeParse(value);
  return list.success && list.data.unfinished !== undefined && list.data.unfinished.length > 0;
}

/** Each with what takes its room away, or goes on with it. */
export function unfinishedText(rows: readonly UnfinishedModel[]): string {
  const lines = rows.map(({ model, size_bytes }) => `  ${printable(model)}, ${bytes(size_bytes)} so far`);
  return ['Unfinished downloads (the same rbee model download goes on, rbee model delete <model> deletes):', ...lines].join('\n');
}
