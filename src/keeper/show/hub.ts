import type { OutputOf } from '../../contract/index.ts';
import type { Look } from './look.ts';
import { LEAST_PATH_WIDTH, table, type Column } from './table.ts';
import { bytes } from './units.ts';

type HubModel = OutputOf<'model_files'>['models'][number];
type Found = OutputOf<'model_search'>['models'][number];

const fileColumns: Column<HubModel>[] = [
  { title: 'QUANTIZATION', cell: ({ quantization }) => quantization, narrow: 'cut' },
  { title: 'SIZE', cell: ({ size_bytes }) => bytes(size_bytes), align: 'right' },
  { title: 'PARTS', cell: ({ parts, whole }) => (whole ? String(parts) : `${parts}, some missing`), align: 'right' },
  { title: 'FITS', cell: ({ fits }) => (fits === undefined ? '?' : fits ? 'yes' : 'no') },
  {
    title: 'MODEL',
    cell: ({ model, default: isDefault }) => (isDefault === true ? `${model} (default)` : model),
    narrow: 'below',
  },
];

/** Above 1,000 in short: 1.2M. */
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const count = (value: number | undefined) => (value === undefined ? '' : short.format(value));

const foundColumns: Column<Found>[] = [
  { title: 'MODEL', cell: ({ model, gated }) => (gated ? `${model} (gated)` : model), narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'PARAMETERS', cell: ({ parameters }) => count(parameters), align: 'right' },
  { title: 'DOWNLOADS', cell: ({ downloads }) => count(downloads), align: 'right' },
  { title: 'LIKES', cell: ({ likes }) => count(likes), align: 'right', narrow: 'drop' },
  { title: 'UPDATED', cell: ({ updated_at: at }) => at?.slice(0, 10) ?? '', narrow: 'drop' },
];

export function hubModelsText({ repo, models, largest_device_bytes: largest }: OutputOf<'model_files'>, look: Look): string {
  if (models.length === 0) return `${repo} has no GGUF model`;
  const fits =
    largest === undefined ? '' : `\n\nFITS: on the largest device of the hive, with ${bytes(largest)}, by the size of the files`;
  return `${table(models, fileColumns, look)}${fits}\nDownload one: rbee pull <model>`;
}

export function foundModelsText({ models }: OutputOf<'model_search'>, look: Look): string {
  return models.length === 0 ? 'The Hub has no GGUF model with these words' : table(models, foundColumns, look);
}
