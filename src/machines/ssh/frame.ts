import { randomBytes } from 'node:crypto';
import { oneLine, posixQuote, shellQuote } from './quote.ts';

/** More than any of rbee's scripts prints. */
export const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024;
/** More than any start-up file prints: a shell that prints more than this, on stdout or stderr, never stops. */
export const NOISE_LIMIT_BYTES = 64 * 1024 * 1024;
/** Of the login shell's own output, for an error message. */
const NOISE_KEPT_BYTES = 512;
/** Three digits and a line feed. */
const STATUS_BYTES = 4;
const UNKNOWN_STATUS = 254;

/**
 * $1 and $2 are the halves of the mark. It is nowhere whole in the command, so a shell that prints its commands does not print the mark.
 * $3 is the script. First, this undoes what start-up files have set and exported: options, functions named cd or tar, a PATH without
 * the system's folders.
 */
const WRAPPER = [
  'set +efuvx',
  'PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin; export PATH',
  'unset -f env sed printf 2>/dev/null',
  `for each in $(env | sed -n 's/^_*BASH_FUNC[_<]\\([A-Za-z_][A-Za-z0-9_]*\\).*/\\1/p'); do unset -f "$each"; done`,
  `printf '%s%sb\\n' "$1" "$2" >&2`,
  `printf '%s%sb\\n' "$1" "$2"`,
  '/bin/sh -c "$(printf %b "$3")" sh',
  `printf '%s%se%s\\n' "$1" "$2" "$?"`,
].join('; ');

/**
 * Separates the output of a script from everything else that a login shell prints before, after and beside it. Each run has its own
 * frame, with a random mark.
 */
export class Frame {
  readonly #mark: string;
  readonly #begin: Buffer;
  readonly #end: Buffer;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** The last bytes, which may be the first part of a mark. */
  #tail: Buffer = Buffer.alloc(0);
  #begun = false;
  #status: number | undefined;
  /** The first output that is not the script's, and its size in bytes. */
  #noise = '';
  #noiseBytes = 0;

  /** @param mark random when left out */
  constructor(mark = randomBytes(12).toString('hex')) {
    this.#mark = mark;
    this.#begin = Buffer.from(`${mark}b\n`);
    this.#end = Buffer.from(`${mark}e`);
  }

  /**
   * The command line for the login shell. It runs `script` in sh with `args` as $1, $2 …, whichever shell the login shell is. The command
   * starts with a path, which no alias or function of a start-up file can replace.
   */
  command(script: string, args: readonly string[] = []): string {
    const text = args.length === 0 ? script : `set -- ${args.map(posixQuote).join(' ')}\n${script}`;
    const words = [WRAPPER, 'sh', this.#mark.slice(0, 12), this.#mark.slice(12), oneLine(text)];
    return `/bin/sh -c ${words.map(shellQuote).join(' ')}`;
  }

  /** The script runs: start-up files have finished, and stdin is the script's. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The exit status of the script, once it has ended. */
  get status(): number | undefined {
    return this.#status;
  }

  /** Whether the script, or the login shell before it, has printed more than its limit. */
  get isTooLong(): boolean {
    return this.#bytes > OUTPUT_LIMIT_BYTES || this.#noiseBytes > NOISE_LIMIT_BYTES;
  }

  /** Output before the script, or instead of it. */
  get noise(): { words: string; bytes: number } {
    const left = this.#begun ? '' : this.#tail.toString();
    return { words: this.#noise + left, bytes: this.#noiseBytes + left.length };
  }

  /** The script's stdout. */
  get output(): string {
    return Buffer.concat(this.#pieces).toString();
  }

  /** Takes a chunk of stdout. Never keeps more than the limits. */
  push(chunk: Buffer): void {
    if (this.#status !== undefined || this.isTooLong) return;
    const said = Buffer.concat([this.#tail, chunk]);
    if (this.#begun) return this.#collect(said);
    const at = said.indexOf(this.#begin);
    const kept = said.subarray(Math.max(0, said.length - this.#begin.length));
    this.#addNoise(at === -1 ? said.subarray(0, said.length - kept.length) : said.subarray(0, at));
    this.#tail = kept;
    if (at === -1) return;
    this.#begun = true;
    this.#collect(said.subarray(at + this.#begin.length));
  }

  /** The script's part of stderr, without what came before it. */
  wordsOf(stderr: string): string {
    const at = stderr.indexOf(this.#begin.toString());
    return at === -1 ? stderr : stderr.slice(at + this.#begin.length);
  }

  #collect(said: Buffer): void {
    const at = said.indexOf(this.#end);
    // The last bytes may be the first part of the end mark.
    const from = at === -1 ? Math.max(0, said.length - this.#end.length) : at;
    this.#keep(said.subarray(0, from));
    this.#tail = said.subarray(from);
    if (at === -1) return;
    const after = this.#tail.subarray(this.#end.length, this.#end.length + STATUS_BYTES).toString();
    const status = /^(\d+)\n/.exec(after)?.[1];
    if (status !== undefined) this.#status = Number(status);
    else if (after.length === STATUS_BYTES) this.#status = UNKNOWN_STATUS;
  }

  #keep(piece: Buffer): void {
    this.#bytes += piece.length;
    if (!this.isTooLong) this.#pieces.push(piece);
  }

  #addNoise(piece: Buffer): void {
    this.#noiseBytes += piece.length;
    if (this.#noise.length < NOISE_KEPT_BYTES) this.#noise += piece.subarray(0, NOISE_KEPT_BYTES - this.#noise.length).toString();
  }
}
