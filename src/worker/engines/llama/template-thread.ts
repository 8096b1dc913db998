import { Worker } from 'node:worker_threads';
import type { ChatHistoryItem, JinjaTemplateChatWrapperOptions, LlamaTextJSON } from 'node-llama-cpp';
import { raceAbort } from '../../../jobs/index.ts';

/** Ten thousand messages take less than one. */
const RENDER_DEADLINE_MS = 5_000;
/** The library renders a template several times when it reads it. */
const START_DEADLINE_MS = 15_000;
const HEAP_MB = 256;
const LONGEST_TEXT = 32 * 1024 ** 2;
const LONGEST_WORDS = 500;

/**
 * The program of the thread. As text, because bundled code has no file of its own that a thread could start from.
 * Each message is a conversation; each answer `{ value }` or `{ words }`.
 */
const PROGRAM = `
const { parentPort, workerData: { wrapper, options, longestText, longestWords } } = require('node:worker_threads');
const refuse = (error) => parentPort.postMessage({ words: String(error?.message ?? error).slice(0, longestWords) });
import(wrapper).then(({ JinjaTemplateChatWrapper }) => {
  const template = new JinjaTemplateChatWrapper(options);
  parentPort.on('message', (chatHistory) => {
    try {
      const value = template.generateContextState({ chatHistory }).contextText.toJSON();
      const parts = typeof value === 'string' ? [value] : value;
      const length = parts.reduce((sum, part) => sum + (part.value ?? part).length, 0);
      if (length > longestText) throw new Error('it makes a text of more than ' + longestText + ' characters of it');
      parentPort.postMessage({ value });
    } catch (error) {
      refuse(error);
    }
  });
  parentPort.postMessage({ value: '' });
}).catch(refuse);
`;

type Answer = { value: LlamaTextJSON } | { words: string };

interface TemplateThreadSettings {
  /** URL of the library's file that renders. */
  wrapper: string;
  options: JinjaTemplateChatWrapperOptions;
  /** For one conversation. */
  deadlineMs?: number;
}

/**
 * Renders conversations with a chat template, in a thread of its own: a template is a program, which may loop indefinitely or fill
 * the memory. Such a thread is terminated, and the next conversation gets a new one. One conversation at a time.
 */
export class TemplateThread {
  #settings: TemplateThreadSettings;
  #thread: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(settings: TemplateThreadSettings) {
    this.#settings = settings;
  }

  /** Rejects with the template's fault. */
  static async open(settings: TemplateThreadSettings): Promise<TemplateThread> {
    const opened = new TemplateThread(settings);
    await opened.#start();
    return opened;
  }

  /** Rejects with the template's error about the conversation; with the signal's reason, at once. */
  async render(chatHistory: ChatHistoryItem[], signal: AbortSignal): Promise<LlamaTextJSON> {
    const rendered = this.#last.then(() => {
      signal.throwIfAborted();
      return this.#render(chatHistory);
    });
    this.#last = rendered.catch(() => undefined);
    return raceAbort(rendered, signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.terminate();
  }

  async #render(chatHistory: ChatHistoryItem[]): Promise<LlamaTextJSON> {
    this.#thread ??= await this.#start();
    const answer = this.#answer(this.#thread, this.#settings.deadlineMs ?? RENDER_DEADLINE_MS);
    this.#thread.postMessage(chatHistory);
    return answer;
  }

  async #start(): Promise<Worker> {
    if (this.#isClosed) throw new TemplateFault('the worker is stopping');
    const { wrapper, options } = this.#settings;
    const thread = new Worker(PROGRAM, {
      eval: true,
      name: 'template',
      execArgv: [],
      workerData: { wrapper, options, longestText: LONGEST_TEXT, longestWords: LONGEST_WORDS },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    thread.unref();
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    this.#thread = thread;
    await this.#answer(thread, START_DEADLINE_MS);
    return thread;
  }

  /** The thread's next answer. A thread that gives none is terminated. */
  async #answer(thread: Worker, deadlineMs: number): Promise<LlamaTextJSON> {
    const answer = await new Promise<Answer | undefined>((resolve) => {
      const settle = (message: Answer | undefined) => {
        clearTimeout(deadline);
        thread.off('message', settle).off('error', giveUp).off('exit', giveUp);
        resolve(message);
      };
      const giveUp = () => settle(undefined);
      const deadline = setTimeout(giveUp, deadlineMs);
      thread.on('message', settle).on('error', giveUp).on('exit', giveUp);
    });
    if (answer !== undefined && 'value' in answer) return answer.value;
    if (answer !== undefined) throw new TemplateFault(answer.words);
    await thread.terminate();
    throw new TemplateFault(`it takes more than ${String(deadlineMs / 1000)} s or ${String(HEAP_MB)} MB`);
  }
}

/** Its message is the template's own, or names the limit that was exceeded. */
export class TemplateFault extends Error {}
