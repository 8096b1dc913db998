import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { atTheEnd } from '../test/support/ending.ts';

/** A child process of the bench that answers one question at a time. */
export interface Child extends AsyncDisposable {
  pid: number;
  ask<T>(question: object): Promise<T>;
}

interface ChildOptions {
  args?: string[];
  nodeFlags?: string[];
}

type Answer = { answer: unknown } | { failure: string };

/** How long a process may take to exit once it is no longer needed. */
const END_DEADLINE_MS = 5_000;

/** Starts `<name>-process` of this bundle; resolves when it is ready. */
export async function startChild(name: string, { args = [], nodeFlags = [] }: ChildOptions = {}): Promise<Child> {
  const child = fork(join(import.meta.dirname, `${name}-process.js`), args, { execArgv: nodeFlags });
  const forget = atTheEnd(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the ${name} process ended with ${code}`);
  });
  ended.catch(forget);
  const nextAnswer = async () => {
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [Answer];
    if ('failure' in message) throw new Error(`the ${name} process: ${message.failure}`);
    return message.answer;
  };
  await nextAnswer();
  return {
    pid: child.pid ?? 0,
    async ask<T>(question: object): Promise<T> {
      child.send(question);
      return (await nextAnswer()) as T;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      const late = setTimeout(() => child.kill('SIGKILL'), END_DEADLINE_MS);
      await ended.catch(() => clearTimeout(late));
    },
  };
}

/** In such a process: reports that it is ready, answers questions, and exits when the bench does. */
export function answerQuestions<Q>(answer: (question: Q) => unknown): void {
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole group; the bench decides when this process ends.
  process.on('SIGINT', () => undefined);
  const reply = (message: Answer) => process.send?.(message);
  process.on('message', (question) => {
    Promise.resolve()
      .then(() => answer(question as Q))
      .then((value) => reply({ answer: value ?? null }))
      .catch((cause: unknown) => reply({ failure: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }));
  });
  reply({ answer: 'ready' });
}
