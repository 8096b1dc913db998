import * as path from 'node:path';
import { hubIn, hubText, JobError, operations } from '../../contract/index.ts';
import { nearest } from '../../jobs/index.ts';
import { withoutSecrets } from './address.ts';
import { NAMES_SHOWN_LIMIT } from './limits.ts';

const contractName = operations.model_download.input.shape.name.unwrap();

/** The files of a model in the models directory. No two names share a file: each suffix belongs to one kind. */
export interface ModelFiles {
  model: string;
  part: string;
  sidecar: string;
}

/**
 * The contract's rule is checked again here, next to the file system: a name with no separator and no leading dot cannot leave the directory.
 * @throws JobError invalid_input
 */
export function filesOf(modelsDir: string, name: string): ModelFiles {
  if (!isModelName(name)) {
    const sentence = `'${name}' cannot name a model: up to 128 letters, digits, dots, dashes and underscores, the first a letter or digit`;
    throw new JobError('invalid_input', sentence);
  }
  const model = path.join(modelsDir, `${name}.gguf`);
  return { model, part: `${model}.part`, sidecar: `${model}.part.json` };
}

export function isModelName(name: string): boolean {
  return contractName.safeParse(name).success;
}

/** On macOS 'Qwen.gguf' and 'qwen.gguf' are one file, so these are one name everywhere. */
export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

export function modelNotFound(name: string, known: readonly string[]): JobError {
  const near = nearest(name, known);
  const guess = near === undefined ? '' : ` Did you mean '${near}'?`;
  const more = known.length > NAMES_SHOWN_LIMIT ? ` and ${known.length - NAMES_SHOWN_LIMIT} more` : '';
  const shown = known.slice(0, NAMES_SHOWN_LIMIT).join(', ');
  const hub = hubIn(name);
  const what = hub === undefined ? withoutSecrets(name) : hubText(hub);
  const next = hub === undefined ? '' : ` Download it: rbee pull ${what}.`;
  return new JobError('model_not_found', `Model '${what}' not found.${guess}${next} The hive has: ${shown || 'none'}${more}`);
}
