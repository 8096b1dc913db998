import * as z from 'zod';
import type { OperationSpec } from './operation-spec.ts';

const alias = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:\/@+-]{0,255}$/,
    'up to 256 letters, digits and . _ : / @ + -, starting with a letter or digit',
  )
  .describe('Another name for a model');

/** Enough for every name that programs ask for. */
const ALIASES_LIMIT = 1_000;

const aliases = z.object({
  aliases: z
    .array(z.object({ alias: z.string(), model: z.string() }))
    .max(ALIASES_LIMIT)
    .describe('All aliases of the fleet'),
});

export const aliasOperations = {
  model_alias: {
    runsOn: 'queen',
    mayRepeat: true,
    summary: 'Give a model another name in the whole fleet, or list these names',
    subject: 'alias',
    object: 'model',
    input: z
      .strictObject({
        alias: alias.optional(),
        model: z.string().min(1).max(1024).optional().describe('Name of the model'),
      })
      .refine((input) => input.alias === undefined || input.model !== undefined, { path: ['model'], error: 'is missing' })
      .refine((input) => input.model === undefined || input.alias !== undefined, { path: ['alias'], error: 'is missing' }),
    output: aliases,
    examples: ['rbee model alias claude-haiku-4-5 tiny', 'rbee model alias'],
  },
  model_unalias: {
    runsOn: 'queen',
    summary: 'Remove another name of a model',
    subject: 'alias',
    input: z.strictObject({ alias }),
    output: aliases,
    examples: ['rbee model unalias claude-haiku-4-5'],
  },
} as const satisfies Record<string, OperationSpec>;
