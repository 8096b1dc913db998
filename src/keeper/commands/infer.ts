import type { Command } from 'commander';
import { JobError, operations, type ChatMessage } from '../../contract/index.ts';
import { checkedInput, givenOptions } from '../derive/input.ts';
import { runJob } from '../run-job.ts';
import type { Session } from '../session.ts';
import { readPrompt } from './prompt.ts';

export async function infer(session: Session, command: Command): Promise<number> {
  const { dryRun } = command.opts<{ dryRun?: boolean }>();
  return ask(session, command, dryRun ? 'explain' : 'infer');
}

/** Takes the same request as infer and only reports where it would run. */
export async function explain(session: Session, command: Command): Promise<number> {
  return ask(session, command, 'explain');
}

/** Takes the same request as infer and only counts its tokens. */
export async function countTokens(session: Session, command: Command): Promise<number> {
  return ask(session, command, 'count_tokens');
}

async function ask(session: Session, command: Command, operation: Asking): Promise<number> {
  const spec = operations[operation];
  const given = givenOptions(command, spec);
  const { system } = command.opts<{ system?: string }>();
  const prompt = given['messages'] === undefined ? await readPrompt(command.args, session) : command.args.join(' ');
  if (given['messages'] !== undefined && prompt.trim() !== '') {
    throw new JobError('invalid_input', 'Give a prompt or --messages, not both.');
  }
  const input = { ...given, ...promptInput({ operation, prompt, system, messages: given['messages'] }) };
  return runJob(session, { operation, input: checkedInput(input, spec) });
}

type Asking = 'infer' | 'explain' | 'count_tokens';

interface Prompt {
  operation: Asking;
  prompt: string;
  system: string | undefined;
  /** As given: JSON that is not checked yet. */
  messages: unknown;
}

/** A prompt alone stays a prompt; with a system message or a conversation it becomes the last message. */
export function promptInput({ operation, prompt, system, messages }: Prompt): { prompt: string } | { messages: unknown } {
  if (prompt.trim() === '' && messages === undefined) throw noPrompt(operation);
  if (system === undefined && messages === undefined) return { prompt };
  const before: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
  const after: ChatMessage[] = prompt.trim() === '' ? [] : [{ role: 'user', content: prompt }];
  // The contract's own check reports messages that are not a list.
  if (messages !== undefined && !Array.isArray(messages)) return { messages };
  return { messages: [...before, ...((messages as ChatMessage[] | undefined) ?? []), ...after] };
}

function noPrompt(operation: Asking): JobError {
  return new JobError(
    'invalid_input',
    `The prompt is empty. Give one: rbee ${operation === 'count_tokens' ? 'tokens' : operation} "What does a bee do?"`,
  );
}
