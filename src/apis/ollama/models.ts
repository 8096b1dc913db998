import { createHash } from 'node:crypto';
import type { Model, Worker } from '../../contract/index.ts';
import type { FleetModel } from '../common/index.ts';

const LATEST = ':latest';
/** Of a model that is not unloaded by its age: far enough for every client, near enough for every parser. */
const NEVER = '2318-01-01T00:00:00Z';

/** A model of /api/tags. Clients drop the whole list where one field is missing. */
export function tagOf({ model }: Pick<FleetModel, 'model'>): object {
  const name = taggedName(model.model);
  return {
    name,
    model: name,
    modified_at: model.created_at,
    size: model.size_bytes,
    digest: digestOf(model),
    details: detailsOf(model),
    capabilities: capabilitiesOf(),
  };
}

/** A model of /api/ps: one for each worker that has it loaded. */
export function loadedOf({ model }: FleetModel, worker: Worker): object {
  const name = taggedName(model.model);
  const size = worker.memory_bytes ?? worker.need_bytes ?? model.size_bytes;
  return {
    name,
    model: name,
    size,
    digest: digestOf(model),
    details: detailsOf(model),
    expires_at: expiryOf(worker),
    size_vram: worker.worker === 'cpu' ? 0 : size,
    context_length: worker.context ?? 0,
    hive_id: worker.hive_id,
    worker_id: worker.worker_id,
  };
}

/** Clients append ':latest' to a name without a tag, and compare. */
export function taggedName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name : name + LATEST;
}

export interface Details {
  parent_model: '';
  format: 'gguf';
  family: string;
  families: string[];
  parameter_size: string;
  quantization_level: string;
}

export function detailsOf(model: Model): Details {
  const family = familyOf(model);
  return {
    parent_model: '',
    format: 'gguf',
    family,
    families: [family],
    parameter_size: '',
    quantization_level: quantizationOf(model),
  };
}

export function capabilitiesOf(): string[] {
  return ['completion', 'tools'];
}

/** In the name of the file, as its makers write it. */
function quantizationOf({ model, path }: Model): string {
  const [found = 'unknown'] =
    /(?:I?Q\d(?:_[A-Z0-9]+)*|BF16|F16|F32)/.exec(`${path.slice(path.lastIndexOf('/') + 1)} ${model}`.toUpperCase()) ?? [];
  return found;
}

function familyOf({ memory }: Model): string {
  return memory?.architecture ?? 'unknown';
}

/** 64 hexadecimal digits, the same for the same file. */
function digestOf({ sha256, model, size_bytes, created_at }: Model): string {
  return sha256 ?? createHash('sha256').update(`${model}\n${size_bytes}\n${created_at}`).digest('hex');
}

function expiryOf({ keep_alive_s = -1, unused_s = 0, slots_used }: Worker): string {
  if (keep_alive_s < 0) return NEVER;
  const leftS = slots_used > 0 ? keep_alive_s : Math.max(0, keep_alive_s - unused_s);
  return new Date(Date.now() + leftS * 1_000).toISOString();
}
