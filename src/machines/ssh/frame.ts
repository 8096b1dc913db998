import { randomBytes } from 'node:crypto';
import { oneLine, posixQuote, shellQuote } from './quote.ts';

/** More than any script of ours has to say. */
export const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024;
/** More than any start-up file prints: a shell that says more, on stdout or on stderr, does not end. */
export const NOISE_LIMIT_BYTES = 64 * 1024 * 1024;
/** Of what a login shell says by itself, for a message. */
const NOISE_KEPT_BYTES = 512;
/** Three digits and a line feed. */
const STATUS_BYTES = 4;
const UNKNOWN_STATUS = 254;

/**
 * $1 $2 the halves of the mark, which is nowhere whole in the command: a shell that shows its commands does not say it. $3 the script.
 * What start-up files have set and exported (options, functions in the place of cd or tar, a PATH without the system) is undone first.
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
 * A script, and what it answers, told apart from all else that a login shell says before, after and beside it. One for each run: its
 * mark is random.
 */
export class Frame {
  readonly #mark: string;
  readonly #begin: Buffer;
  readonly #end: Buffer;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** The last bytes, where a mark may have begun. */
  #tail: Buffer = Buffer.alloc(0);
  #begun = false;
  #status: number | undefined;
  /** The first words that were none of the script's, and how many bytes there were. */
  #noise = '';
  #noiseBytes = 0;

  /** @param mark random when left out */
  constructor(mark = randomBytes(12).toString('hex')) {
    this.#mark = mark;
    this.#begin = Buffer.from(`${mark}b\n`);
    this.#end = Buffer.from(`${mark}e`);
  }

  /**
   * What sshd hands to the login shell, so that `script` runs in sh with `args` as $1, $2 …, whichever shell that is. It begins with a
   * path, which no alias and no function of a start-up file takes the place of.
   */
  command(script: string, args: readonly string[] = []): string {
    const text = args.length === 0 ? script : `set -- ${args.map(posixQuote).join(' ')}\n${script}`;
    const words = [WRAPPER, 'sh', this.#mark.slice(0, 12), this.#mark.slice(12), oneLine(text)];
    return `/bin/sh -c ${words.map(shellQuote).join(' ')}`;
  }

  /** The script runs, so start-up files have done what they do, and stdin is the script's. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Of the script, when it has ended. */
  get status(): number | undefined {
    return this.#status;
  }

  /** Whether the script, or what came before it, has said more than it has to say. */
  get isTooLong(): boolean {
    return this.#bytes > OUTPUT_LIMIT_BYTES || this.#noiseBytes > NOISE_LIMIT_BYTES;
  }

  /** What came before the script, or in its place. */
  get noise(): { words: string; bytes: number } {
    const left = this.#begun ? '' : this.#tail.toString();
    return { words: this.#noise + left, bytes: this.#noiseBytes + left.length };
  }

  /** All that the script said. */
  get output(): string {
    return Buffer.concat(this.#pieces).toString();
  }

  /** A piece of stdout. Holds no more than the limit, whatever comes. */
  push(chunk: Buffer): void {
    if (this.#status !== undefined || this.isTooLong) return;
    const said = Buffer.concat([this.#tail, chunk]);
    if (this.#begun) return this.#collect(said);
    const at = said.indexOf(this.#begin);
    const kept = said.subarray(Math.max(0, said.length - this.#begin.length));
    this.#hearNoise(at === -1 ? said.subarray(0, said.length - kept.length) : said.subarray(0, at));
    this.#tail = kept;
    if (at === -1) return;
    this.#begun = true;
    this.#collect(said.subarray(at + this.#begin.length));
  }

  /** Words that were said on stderr by the script, and not before it. */
  wordsOf(stderr: string): string {
    const at = stderr.indexOf(this.#begin.toString());
    return at === -1 ? stderr : stderr.slice(at + this.#begin.length);
  }

  #collect(said: Buffer): void {
    const at = said.indexOf(this.#end);
    // The end may have begun.
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

  #hearNoise(piece: Buffer): void {
    this.#noiseBytes += piece.length;
    if (this.#noise.length < NOISE_KEPT_BYTES) this.#noise += piece.subarray(0, NOISE_KEPT_BYTES - this.#noise.length).toString();
  }
}
