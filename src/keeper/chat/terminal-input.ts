import { createInterface, type Interface, type Key } from 'node:readline';
import { Writable } from 'node:stream';
import type { ChatInput } from './chat-input.ts';
import { LineReader } from './line-reader.ts';

const PROMPT = '> ';
const OPEN_PROMPT = '. ';
const HISTORY_LINES = 1_000;
/** In this mode, a terminal marks where a paste begins and ends (xterm's control sequences, "Bracketed Paste Mode"). */
const MARK_PASTES = '\u001b[?2004h';
const LEAVE_PASTES = '\u001b[?2004l';

/**
 * Messages that a person types. What is typed during an answer is not shown before its end, and then stands in the next line; whole lines
 * are the next messages.
 */
export class TerminalInput implements ChatInput {
  readonly isTerminal = true;
  readonly #screen: Screen;
  readonly #lines: Interface;
  readonly #reader = new LineReader();
  readonly #messages: string[] = [];
  #isPasting = false;
  #hasEnded = false;
  /** Whether Ctrl-C was pressed in an empty line: once more ends the conversation. */
  #isLeaving = false;
  #onInterrupt: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(stdin: NodeJS.ReadStream, terminal: NodeJS.WriteStream) {
    this.#screen = new Screen(terminal);
    this.#lines = createInterface({ input: stdin, output: this.#screen, terminal: true, historySize: HISTORY_LINES });
    this.#lines.on('line', (line) => this.#add(line));
    this.#lines.on('SIGINT', () => this.#interrupted());
    this.#lines.on('close', () => this.#ended());
    stdin.on('keypress', (_text: string | undefined, { name }: Key) => {
      if (name === 'paste-start') this.#isPasting = true;
      if (name === 'paste-end') this.#isPasting = false;
    });
    terminal.write(MARK_PASTES);
  }

  async next(): Promise<string | undefined> {
    this.#screen.isShown = true;
    if (this.#messages.length === 0 && !this.#hasEnded) this.#prompt();
    while (this.#messages.length === 0 && !this.#hasEnded) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#screen.isShown = false;
    return this.#messages.shift();
  }

  async during<T>(work: () => Promise<T>, onInterrupt: () => void): Promise<T> {
    this.#onInterrupt = onInterrupt;
    try {
      return await work();
    } finally {
      this.#onInterrupt = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#screen.isShown = true;
    this.#lines.close();
    this.#screen.write(LEAVE_PASTES);
  }

  #add(line: string): void {
    this.#isLeaving = false;
    const message = this.#reader.push(line, this.#isPasting);
    if (message !== undefined) this.#messages.push(message);
    if (message !== undefined) this.#wake?.();
    else if (this.#screen.isShown) this.#prompt();
  }

  #interrupted(): void {
    if (this.#onInterrupt !== undefined) return this.#onInterrupt();
    const isEmpty = this.#lines.line === '' && !this.#reader.isOpen;
    if (isEmpty && this.#isLeaving) return this.#lines.close();
    this.#isLeaving = isEmpty;
    this.#reader.drop();
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#screen.write(isEmpty ? '\nCtrl-C once more ends the conversation; so does Ctrl-D.\n' : '^C\n');
    this.#prompt();
  }

  #ended(): void {
    this.#hasEnded = true;
    if (this.#screen.isShown) this.#screen.write('\n');
    this.#wake?.();
  }

  #prompt(): void {
    // Readline moves up by the rows of what it has drawn last, but the answer stands there now.
    Object.assign(this.#lines, { prevRows: 0 });
    this.#lines.setPrompt(this.#reader.isOpen ? OPEN_PROMPT : PROMPT);
    this.#lines.prompt(true);
  }
}

/** The terminal, as readline writes to it. */
class Screen extends Writable {
  isShown = false;
  readonly #terminal: NodeJS.WriteStream;

  constructor(terminal: NodeJS.WriteStream) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    terminal.on('resize', () => this.emit('resize'));
  }

  get columns(): number {
    return this.#terminal.columns;
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.isShown) this.#terminal.write(chunk);
    done();
  }
}
