import type * as z from 'zod';
import type { Role } from '../events.ts';

export interface OperationSpec {
  /** The role that does the work. The roles above it only forward. */
  runsOn: Role;
  summary: string;
  /** The field that the command line takes as its plain argument, and that the older spelling `id` stands for. */
  subject?: string;
  input: z.ZodObject;
  output: z.ZodType;
  /** Set where running it twice does no harm, so that a hive that died in the middle may be asked again. */
  mayRepeat?: true;
  /** Command lines that work as printed, for help and docs. */
  examples: readonly string[];
}
