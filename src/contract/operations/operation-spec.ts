import type * as z from 'zod';
import type { Role } from '../events.ts';

export interface OperationSpec {
  /** The role that does the work. The roles above it only forward. */
  runsOn: Role;
  summary: string;
  /** The field that is the positional argument of the command; the older spelling `id` stands for it. */
  subject?: string;
  /** Set where the subject is a text: several plain arguments are its words. */
  subjectIsText?: true;
  /** The field that is the second positional argument. */
  object?: string;
  input: z.ZodObject;
  output: z.ZodType;
  /** Set when running it twice is harmless: a hive that exited while running it may get it again. */
  mayRepeat?: true;
  /** Set where the job is of use to its reader alone: without one it is cancelled after a grace, unless the request says otherwise. */
  endsWithoutReader?: true;
  /** Set where it only reads: a hive that was stopped on purpose is not started for it. */
  readsOnly?: true;
  /** Command lines that work as printed, for help and docs. */
  examples: readonly string[];
}
