import { Worker } from 'node:worker_threads';
import { raceAbort } from '../../../../jobs/index.ts';
import { PLAIN, type TemplateCapabilities } from './capabilities.ts';
import type { Conversation } from './conversation.ts';
import type { PromptText } from './prompt-text.ts';
import type { RendererAnswer, RendererData } from './renderer.ts';

/** Ten thousand messages take less than one. */
const RENDER_DEADLINE_MS = 5_000;
/** Reading a template and trying it takes a tenth of a second. */
const START_DEADLINE_MS = 15_000;
const HEAP_MB = 256;
const LONGEST_TEXT = 32 * 1024 ** 2;
const LONGEST_REFUSAL = 500;
/** The `threadId` of a thread that has exited. */
const EXITED = -1;

interface TemplateThreadSettings {
  template: string;
  constants: Record<string, string>;
  /** The texts of tokens that end an answer. */
  ends: string[];
  /** Used first, if it still runs. */
  thread?: Worker | undefined;
  /** For one conversation, and for the start. */
  deadlineMs?: { render: number; start: number };
}

/**
 * Renders conversations with a chat template, in a thread of its own: a template is a program, which may loop indefinitely or fill
 * the memory. Such a thread is terminated, and the next conversation gets a new one. One conversation at a time.
 */
export class TemplateThread {
  #settings: TemplateThreadSettings;
  #first: Worker | undefined;
  #thread: Worker | undefined;
  #capabilities: TemplateCapabilities | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(settings: TemplateThreadSettings) {
    this.#settings = settings;
    this.#first = settings.thread;
  }

  /** Reads the template and tries it. One that cannot be parsed, or that takes too long, refuses each conversation. */
  static async open(settings: TemplateThreadSettings): Promise<TemplateThread> {
    const opened = new TemplateThread(settings);
    await opened.#start().catch(() => undefined);
    return opened;
  }

  get capabilities(): TemplateCapabilities {
    return this.#capabilities ?? PLAIN;
  }

  /** Rejects with a TemplateFault about the conversation; with the signal's reason, at once. */
  async render(conversation: Conversation, signal: AbortSignal): Promise<PromptText> {
    const rendered = this.#last.then(() => {
      signal.throwIfAborted();
      return this.#render(conversation);
    });
    this.#last = rendered.catch(() => undefined);
    return raceAbort(rendered, signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.terminate();
  }

  async #render(conversation: Conversation): Promise<PromptText> {
    this.#thread ??= await this.#start();
    const message = await this.#ask(this.#thread, conversation, this.#settings.deadlineMs?.render ?? RENDER_DEADLINE_MS);
    if ('prompt' in message) return message.prompt;
    throw new TemplateFault('refusal' in message ? message.refusal : 'it gave no prompt');
  }

  async #start(): Promise<Worker> {
    if (this.#isClosed) throw new TemplateFault('the worker is stopping');
    const { template, constants, ends, deadlineMs } = this.#settings;
    const first = this.#first;
    this.#first = undefined;
    const data: RendererData = {
      template,
      constants,
      ends,
      capabilities: this.#capabilities,
      longestText: LONGEST_TEXT,
      longestRefusal: LONGEST_REFUSAL,
    };
    const thread = first === undefined || first.threadId === EXITED ? startRenderer() : first;
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    this.#thread = thread;
    // Without them, a new thread would try the same again.
    const message = await this.#ask(thread, data, deadlineMs?.start ?? START_DEADLINE_MS).finally(
      () => (this.#capabilities ??= PLAIN),
    );
    if ('capabilities' in message) this.#capabilities = message.capabilities;
    return thread;
  }

  /** The thread's answer. A thread that gives none is terminated. */
  async #ask(thread: Worker, question: RendererData | Conversation, deadlineMs: number): Promise<RendererAnswer> {
    thread.postMessage(question);
    const answer = await new Promise<RendererAnswer | undefined>((resolve) => {
      const settle = (message: RendererAnswer | undefined) => {
        clearTimeout(deadline);
        thread.off('message', settle).off('error', giveUp).off('exit', giveUp);
        resolve(message);
      };
      const giveUp = () => settle(undefined);
      const deadline = setTimeout(giveUp, deadlineMs);
      thread.on('message', settle).on('error', giveUp).on('exit', giveUp);
    });
    if (answer !== undefined) return answer;
    await thread.terminate();
    throw new TemplateFault(`it takes more than ${String(deadlineMs / 1000)} s or ${String(HEAP_MB)} MB`);
  }
}

/** A thread that waits for a template. To start one is most of what reading a template costs. */
export function startRenderer(): Worker {
  const thread = new Worker(new URL(__TEMPLATE_RENDERER__, import.meta.url), {
    name: 'template',
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  thread.unref();
  thread.on('error', () => undefined);
  return thread;
}

/** Its message is the template's own, or names the limit that was exceeded. */
export class TemplateFault extends Error {}
