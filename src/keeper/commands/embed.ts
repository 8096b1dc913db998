import type { Command } from 'commander';
import { JobError, operations, type OperationSpec } from '../../contract/index.ts';
import { checkedInput, givenOptions } from '../derive/input.ts';
import { runJob } from '../run-job.ts';
import type { Session } from '../session.ts';
import { readPiped } from './prompt.ts';

/** Each argument is a text, and each line of stdin. */
export async function embed(session: Session, command: Command): Promise<number> {
  const texts = [...command.args, ...linesOf(await readPiped(command.args, session))];
  if (texts.length === 0) throw new JobError('invalid_input', 'There is no text. Give one: rbee embed "What does a bee do?"');
  return run(session, command, { operation: 'embed', own: { texts } });
}

export async function rerank(session: Session, command: Command): Promise<number> {
  const query = command.args.join(' ');
  const given = (givenOptions(command, operations.rerank)['documents'] as string[] | undefined) ?? [];
  const documents = [...given, ...linesOf(await readPiped(given, session))];
  if (query === '') throw new JobError('invalid_input', 'The query is empty. Give one: rbee rerank "What does a bee do?"');
  if (documents.length === 0) {
    throw new JobError('invalid_input', 'There is no document. Give some with --documents, or one in each line of stdin');
  }
  return run(session, command, { operation: 'rerank', own: { query, documents } });
}

async function run(
  session: Session,
  command: Command,
  { operation, own }: { operation: 'embed' | 'rerank'; own: object },
): Promise<number> {
  const spec: OperationSpec = operations[operation];
  return runJob(session, { operation, input: checkedInput({ ...givenOptions(command, spec), ...own }, spec) });
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}
