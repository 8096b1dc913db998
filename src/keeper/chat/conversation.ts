import { randomUUID } from 'node:crypto';
import { failed, isTerminal, JobError, operations } from '../../contract/index.ts';
import { checkedInput } from '../derive/input.ts';
import { exitCodeOf, failureFrom } from '../failure.ts';
import { startJob, type Job, type StartedJob } from '../follow-job.ts';
import { reachQueen } from '../queen/wake-queen.ts';
import { shown } from '../run-job.ts';
import type { Session } from '../session.ts';
import type { ChatInput } from './chat-input.ts';
import { messagesOf } from './transcript.ts';
import type { TranscriptFile } from './transcript-file.ts';

/** What an answer has been so far. */
interface Answer {
  text: string;
  reasoning: string;
  /** Undefined while its job runs. */
  end: 'result' | 'failed' | 'cancelled' | undefined;
  exitCode: number;
}

/** A message, and the key that makes it one job. */
interface Sent {
  text: string;
  key: string;
}

/** Sends messages and shows their answers. Each answer is a job, which runs on whatever happens to this process. */
export class Conversation {
  readonly #session: Session;
  readonly #file: TranscriptFile;
  readonly #input: ChatInput;

  constructor(session: Session, file: TranscriptFile, input: ChatInput) {
    this.#session = session;
    this.#file = file;
    this.#input = input;
  }

  /** @returns the exit code of how the answer ended */
  async ask(text: string): Promise<number> {
    this.#file.add({ kind: 'user', text, key: randomUUID() });
    return this.answerPending();
  }

  /** Sends the last message, which has no answer; the answer of a job that exists is shown from its start. */
  async answerPending(): Promise<number> {
    const { pending } = this.#file.transcript;
    if (pending === undefined) throw new JobError('invalid_input', 'Every message has its answer.', { hint: '' });
    const { text, key } = pending;
    if (key === undefined) return this.ask(text);
    const cancelled = new AbortController();
    return this.#input.during(
      () => this.#answer({ text, key }, cancelled.signal),
      () => cancelled.abort(),
    );
  }

  async #answer({ text, key }: Sent, cancelled: AbortSignal): Promise<number> {
    const { view } = this.#session;
    const answer: Answer = { text: '', reasoning: '', end: undefined, exitCode: 0 };
    try {
      const input = this.#inferInput(text);
      const { events } = await this.#start({ operation: 'infer', input, idempotencyKey: key }, cancelled);
      for await (const event of events) {
        await view.event({ ...shown(event, 'infer'), input: { ...input }, byUser: cancelled.aborted });
        collect(answer, event);
      }
    } catch (cause) {
      if (!cancelled.aborted) throw cause;
      // Any other error leaves open whether the job is cancelled.
      const isCancelled = !(cause instanceof JobError) || cause.code === 'cancelled';
      await (isCancelled ? view.cancelled() : view.fail(failureFrom(cause)));
    }
    this.#keep(answer);
    return answer.exitCode;
  }

  /** The same key and input are the same job. One that was sent with other options is not. */
  async #start(job: Job, cancelled: AbortSignal): Promise<StartedJob> {
    const { view, interrupt } = this.#session;
    const starting = {
      view,
      reach: reachQueen,
      signal: AbortSignal.any([cancelled, interrupt.signal]),
      unwanted: AbortSignal.any([cancelled, view.gone]),
      left: interrupt.signal,
    };
    try {
      return await startJob(job, starting);
    } catch (cause) {
      if (!(cause instanceof JobError) || cause.code !== 'idempotency_mismatch') throw cause;
      const { idempotencyKey: _used, ...another } = job;
      return startJob(another, starting);
    }
  }

  /** @throws JobError invalid_input */
  #inferInput(text: string): object {
    const { transcript } = this.#file;
    const messages = [...messagesOf(transcript), { role: 'user', content: text }];
    return checkedInput({ ...transcript.options, messages, continue_elsewhere: true }, operations.infer);
  }

  /** A cancelled answer stays as far as it came, so that the model can be asked to go on. */
  #keep({ text, reasoning, end }: Answer): void {
    const isAnswer = end === 'result' || (end === 'cancelled' && text !== '');
    if (isAnswer) this.#file.add({ kind: 'answer', text, ...(reasoning === '' ? {} : { reasoning }) });
    else this.#file.add({ kind: 'unanswered' });
  }
}

function collect(answer: Answer, { kind, json }: { kind: string; json: string }): void {
  const data = JSON.parse(json) as { text?: string; reasoning?: string };
  if (kind === 'token') answer.text += data.text ?? '';
  if (kind === 'reasoning') answer.reasoning += data.text ?? '';
  if (!isTerminal(kind)) return;
  answer.end = kind;
  if (kind === 'result') answer.text = data.text ?? answer.text;
  if (kind === 'failed') answer.exitCode = exitCodeOf(failed.parse(data).code);
}
