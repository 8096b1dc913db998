import * as z from 'zod';
import { chatMessage, parseJson, type ChatMessage } from '../../contract/index.ts';

/** What happens in a conversation, one line of its file each. */
const entry = z.discriminatedUnion('kind', [
  /** A process continues the conversation from here on. */
  z.object({ kind: z.literal('open'), pid: z.int(), started: z.string() }),
  /** Fields of infer's input, beside the messages. */
  z.object({ kind: z.literal('options'), options: z.record(z.string(), z.unknown()) }),
  z.object({ kind: z.literal('system'), text: z.string() }),
  z.object({ kind: z.literal('messages'), messages: z.array(chatMessage) }),
  /** The key makes it one job, however often it is sent. */
  z.object({ kind: z.literal('user'), text: z.string(), key: z.string() }),
  z.object({ kind: z.literal('answer'), text: z.string(), reasoning: z.string().optional() }),
  /** The job of the last message has ended without an answer. */
  z.object({ kind: z.literal('unanswered') }),
]);
export type Entry = z.output<typeof entry>;

export interface Transcript {
  options: Record<string, unknown>;
  system: string;
  /** Messages and their answers, without the system message. */
  messages: ChatMessage[];
  /** The last message, while it has no answer. Without a key, it is to be sent as a new job. */
  pending: { text: string; key: string | undefined } | undefined;
}

export function emptyTranscript(): Transcript {
  return { options: {}, system: '', messages: [], pending: undefined };
}

/** The transcript after one more entry. */
export function withEntry(before: Transcript, next: Entry): Transcript {
  switch (next.kind) {
    case 'open':
      return before;
    case 'options':
      return { ...before, options: next.options };
    case 'system':
      return { ...before, system: next.text };
    case 'messages': {
      const [first, ...rest] = next.messages;
      const hasSystem = first?.role === 'system' && typeof first.content === 'string';
      const messages = hasSystem ? rest : next.messages;
      return { ...before, messages, pending: undefined, ...(hasSystem ? { system: first.content as string } : {}) };
    }
    case 'user':
      return { ...before, pending: { text: next.text, key: next.key } };
    case 'answer':
      return answered(before, next);
    case 'unanswered':
      return { ...before, pending: before.pending && { ...before.pending, key: undefined } };
  }
}

function answered(before: Transcript, { text, reasoning }: Extract<Entry, { kind: 'answer' }>): Transcript {
  if (before.pending === undefined) return before;
  const answer: ChatMessage = { role: 'assistant', content: text, ...(reasoning === undefined ? {} : { reasoning }) };
  return {
    ...before,
    messages: [...before.messages, { role: 'user', content: before.pending.text }, answer],
    pending: undefined,
  };
}

/** With the system message, as infer takes them. */
export function messagesOf({ system, messages }: Transcript): ChatMessage[] {
  return system === '' ? messages : [{ role: 'system', content: system }, ...messages];
}

/** The entries of a file. A line that a crash has cut, or that cannot be read, is left out. */
export function entriesIn(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    const parsed = entry.safeParse(parseJson(line));
    return parsed.success ? [parsed.data] : [];
  });
}
