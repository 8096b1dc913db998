import { createHash } from 'node:crypto';
import type { Model, Worker } from '../../contract/index.ts';
import { capabilitiesOf, type FleetModel } from '../common/index.ts';

const LATEST = ':latest';
/** Of a model that is not unloaded by its age: far enough for every client, near enough for every parser. */
const NEVER = '2318-01-01T00:00:00Z';

/** A model of /api/tags. Clients drop the whole list where one field is missing. */
export function tagOf({ model }: FleetModel): object {
  const name = taggedName(model.model);
  return {
    name,
    model: name,
    modified_at: model.created_at,
    size: model.size_bytes,
    digest: digestOf(model),
    details: detailsOf(model),
    capabilities: capabilitiesOf(model),
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
    parameter_size: sizeOf(model.details?.parameters),
    quantization_level: quantizationOf(model),
  };
}

/** As Ollama writes it: 7.6B, 22.70M. */
function sizeOf(parameters: number | undefined): string {
  if (parameters === undefined) return '';
  if (parameters >= 1e9) return `${digits(parameters / 1e9, 1)}B`;
  if (parameters >= 1e6) return `${digits(parameters / 1e6, 2)}M`;
  return parameters >= 1e3 ? `${digits(parameters / 1e3, 0)}K` : String(parameters);
}

function digits(value: number, count: number): string {
  return value.toFixed(Number.isInteger(value) ? 0 : count);
}

function quantizationOf({ details }: Model): string {
  return details?.quantization ?? 'unknown';
}

function familyOf({ details, memory }: Model): string {
  return details?.architecture ?? memory?.architecture ?? 'unknown';
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
