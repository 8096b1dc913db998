import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import * as z from 'zod';
import {
  chatMessage,
  DEFAULT_MODEL,
  FILE_WORDS,
  issueWords,
  JobError,
  parseJson,
  type ChatMessage,
} from '../../contract/index.ts';
import { newCorrelationId } from '../../jobs/client.ts';
import { listModels } from '../connect/ask-connection.ts';
import { withAbsoluteModel } from '../derive/input.ts';
import { textIn } from '../derive/text.ts';
import { reachQueen } from '../queen/wake-queen.ts';
import type { View } from '../screen/view.ts';
import { count } from '../show/units.ts';
import { HELP, type ChatCommand } from './command.ts';
import { messagesOf } from './transcript.ts';
import type { TranscriptFile } from './transcript-file.ts';

interface Running {
  view: View;
  /** Stops the command. */
  signal: AbortSignal;
}

/** The commands that change or show the transcript; /retry and /exit are of the loop around them. */
export async function runCommand(running: Running, { name, argument }: ChatCommand, file: TranscriptFile): Promise<void> {
  const { view } = running;
  switch (name) {
    case 'model':
      return argument === '' ? showModels(running, modelOf(file)) : setModel(view, argument, file);
    case 'system':
      file.add({ kind: 'system', text: argument });
      return view.note(argument === '' ? 'No system message from here on.' : 'The system message is set.');
    case 'clear':
      file.add({ kind: 'messages', messages: [] });
      return view.note('The conversation starts over.');
    case 'save':
      return view.note(save(argument, file));
    case 'load':
      file.add({ kind: 'messages', messages: load(argument) });
      return view.note(`Continues after ${count(file.transcript.messages.length, 'message')} of ${argument}.`);
    case 'help':
      return view.note(HELP);
    case 'retry':
    case 'exit':
      return;
  }
}

export function modelOf({ transcript }: TranscriptFile): string {
  const { model } = transcript.options;
  return typeof model === 'string' ? model : DEFAULT_MODEL;
}

async function setModel(view: View, model: string, file: TranscriptFile): Promise<void> {
  file.add({ kind: 'options', options: withAbsoluteModel({ ...file.transcript.options, model }) });
  await view.note(`The next answer is from ${modelOf(file)}.`);
}

async function showModels({ view, signal }: Running, current: string): Promise<void> {
  const correlationId = newCorrelationId();
  const queen = await reachQueen({ narrate: (step) => view.narrate(step, correlationId), signal });
  const lines = (await listModels(queen, signal)).map(({ id, loaded }) => {
    const says = [...(id === current ? ['in use here'] : []), ...(loaded.length > 0 ? ['loaded'] : [])];
    return says.length === 0 ? id : `${id} (${says.join(', ')})`;
  });
  await view.note(lines.join('\n'));
}

/** Files that this process has written or read: those may be written again. */
const own = new Set<string>();

function save(name: string, file: TranscriptFile): string {
  const path = pathOf(name);
  const messages = messagesOf(file.transcript);
  try {
    writeFileSync(path, `${JSON.stringify(messages, null, 2)}\n`, { flag: own.has(path) ? 'w' : 'wx' });
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it exists, and is not from this conversation' : whyOf(cause);
    throw new JobError('invalid_input', `${name} cannot be written: ${why}.`, { cause, hint: 'Choose another name.' });
  }
  own.add(path);
  return `${count(messages.length, 'message')} saved. They can be used again: rbee infer --messages @${name}`;
}

function load(name: string): ChatMessage[] {
  const path = pathOf(name);
  const parsed = z
    .array(chatMessage)
    .min(1)
    .safeParse(parseJson(read(name, path)));
  if (parsed.success) {
    own.add(path);
    return parsed.data;
  }
  const [issue] = parsed.error.issues;
  const place = issue === undefined ? '' : issue.path.map((step) => `[${String(step)}]`).join('');
  const what = issue === undefined ? 'is malformed' : issueWords(issue);
  throw new JobError('invalid_input', `${name} is not a list of messages: it${place} ${what}.`, {
    hint: 'It is what /save writes: a JSON list of {"role", "content"}.',
  });
}

function read(name: string, path: string): string {
  try {
    return textIn(readFileSync(path), `The file '${name}'`);
  } catch (cause) {
    if (cause instanceof JobError) throw cause;
    throw new JobError('invalid_input', `${name} cannot be read: ${whyOf(cause)}.`, { cause, hint: '' });
  }
}

function whyOf(cause: unknown): string {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file or folder';
  return FILE_WORDS[code] ?? message;
}

function pathOf(name: string): string {
  return resolve(name.replace(/^~(?=\/)/, homedir()));
}
