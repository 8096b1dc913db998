import { join } from 'node:path';
import type { Command } from 'commander';
import { JobError, operations } from '../../contract/index.ts';
import type { ChatInput } from '../chat/chat-input.ts';
import { commandIn, type ChatCommand } from '../chat/command.ts';
import { Conversation } from '../chat/conversation.ts';
import { PipedInput } from '../chat/piped-input.ts';
import { modelOf, runCommand } from '../chat/run-command.ts';
import { TerminalInput } from '../chat/terminal-input.ts';
import { TranscriptFile } from '../chat/transcript-file.ts';
import { homePaths } from '../../daemon/index.ts';
import { checkedInput, givenOptions } from '../derive/input.ts';
import { exitCodeOf, failureFrom } from '../failure.ts';
import type { Session } from '../session.ts';
import { count } from '../show/units.ts';

/** The options of infer that make sense for a conversation. */
export const CHAT_FIELDS = [
  ...['model', 'reasoning', 'max_tokens', 'temperature', 'top_p', 'top_k', 'min_p', 'repeat_penalty', 'seed', 'stop'],
  ...['context', 'slots', 'keep_alive', 'device', 'worker_id', 'hive_id', 'chat_template_kwargs'],
] as const satisfies (keyof typeof operations.infer.input.shape)[];

export async function chat(session: Session, command: Command): Promise<number> {
  const { resume, system } = command.opts<{ resume?: boolean; system?: string }>();
  const options = checkedOptions(command);
  session.interrupt.listen();
  const folder = join(homePaths().data, 'chats');
  const file =
    resume === true ? await TranscriptFile.resume(folder, unkept(session)) : await TranscriptFile.create(folder, unkept(session));
  file.add({ kind: 'options', options: { ...file.transcript.options, ...options } });
  if (system !== undefined) file.add({ kind: 'system', text: system });
  using input = inputHere();
  return await new Chat(session, file, input).run(resume === true);
}

/** A mistake is found before the conversation begins. */
function checkedOptions(command: Command): Record<string, unknown> {
  const { prompt: _prompt, ...options } = checkedInput(
    { ...givenOptions(command, operations.infer), prompt: '?' },
    operations.infer,
  );
  return options;
}

function unkept({ view }: Session): (cause: unknown) => void {
  return (cause) => {
    const { message } = failureFrom(cause);
    void view.note(`The conversation is not kept, so that rbee chat --resume will not find it: ${message}`);
  };
}

function inputHere(): ChatInput {
  const terminal = [process.stderr, process.stdout].find(({ isTTY }) => isTTY);
  return process.stdin.isTTY && terminal !== undefined
    ? new TerminalInput(process.stdin, terminal)
    : new PipedInput(process.stdin);
}

class Chat {
  readonly #session: Session;
  readonly #file: TranscriptFile;
  readonly #input: ChatInput;
  readonly #conversation: Conversation;
  readonly #interrupted: Promise<undefined>;

  constructor(session: Session, file: TranscriptFile, input: ChatInput) {
    this.#session = session;
    this.#file = file;
    this.#input = input;
    this.#conversation = new Conversation(session, file, input);
    const { signal } = session.interrupt;
    this.#interrupted = new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
  }

  /** Up to its end by the user, or a signal, after which it can be resumed. @returns the exit code */
  async run(isResumed: boolean): Promise<number> {
    const { view, interrupt } = this.#session;
    if (this.#input.isTerminal)
      await view.note(`Conversation with ${modelOf(this.#file)}. /help lists the commands, Ctrl-D ends it.`);
    let code = isResumed ? await this.#guarded(() => this.#takeUp()) : 0;
    while (!this.#isStopped()) {
      const message = await Promise.race([this.#input.next(), this.#interrupted]);
      if (this.#isStopped()) break;
      if (message === undefined || message.trim() === '/exit') {
        this.#file.end();
        return this.#input.isTerminal ? 0 : code;
      }
      code = (await this.#guarded(() => this.#respond(message))) || code;
    }
    return interrupt.exitCode ?? 0;
  }

  /** By a signal, or because there is no reader of the answers any longer. */
  #isStopped(): boolean {
    return this.#session.interrupt.signal.aborted || this.#session.view.gone.aborted;
  }

  async #respond(message: string): Promise<number> {
    const command = commandIn(message);
    if (command === undefined) return this.#conversation.ask(message);
    if (command.name === 'retry') return this.#conversation.answerPending();
    await this.#run(command);
    return 0;
  }

  async #run(command: ChatCommand): Promise<void> {
    const { view, interrupt } = this.#session;
    const stopped = new AbortController();
    const signal = AbortSignal.any([interrupt.signal, stopped.signal]);
    try {
      await this.#input.during(
        () => runCommand({ view, signal }, command, this.#file),
        () => stopped.abort(),
      );
    } catch (cause) {
      if (!stopped.signal.aborted) throw cause;
      await view.cancelled();
    }
  }

  /** Shows where the conversation stopped, and the answer that is due. */
  async #takeUp(): Promise<number> {
    const { view } = this.#session;
    const { messages, pending } = this.#file.transcript;
    await view.note(`Resumed after ${count(messages.length, 'message')}.`);
    for (const { role, content } of messages.slice(-2)) {
      if (typeof content === 'string') await view.note(role === 'user' ? `> ${content}` : content);
    }
    if (pending === undefined) return 0;
    await view.note(`> ${pending.text}`);
    if (pending.key !== undefined) return this.#conversation.answerPending();
    await view.note('This message has no answer. /retry sends it again.');
    return 0;
  }

  /** A failed answer or a mistake does not end the conversation. */
  async #guarded(work: () => Promise<number>): Promise<number> {
    const { view, interrupt } = this.#session;
    try {
      return await work();
    } catch (cause) {
      if (interrupt.signal.aborted) return 0;
      if (cause instanceof JobError && cause.code === 'output_failed') throw cause;
      const failure = failureFrom(cause);
      await view.fail(failure);
      return exitCodeOf(failure.code);
    }
  }
}
