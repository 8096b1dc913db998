import { textOf, type InputOf } from '../../contract/index.ts';

/** A beginning of a conversation: its digest and its length. */
export interface Prefix {
  hash: number;
  chars: number;
}

type Said = Pick<InputOf<'infer'>, 'model' | 'prompt' | 'messages'>;

/** A shorter match saves no measurable time. */
const WORTH_CHARS = 64;
/** Of a long conversation: its first turns (a shared system prompt) and its last ones (where it is continued). */
const FIRST_TURNS = 4;
const LAST_TURNS = 28;
/** Of a prompt, which has no turns: beginnings of these lengths, which prompts from one template share. */
const PROMPT_CUTS_CHARS = [256, 1024, 4096];
/** Later text is ignored: two prompts that agree up to here go to the same worker. */
const HASHED_CHARS = 256 * 1024;

/** The beginnings of a request, the longest first. Equal digests mean equal text for the same model. */
export function prefixesOf({ model, prompt, messages }: Said): Prefix[] {
  const digest = new Digest();
  digest.add(model);
  const found = messages === undefined ? ofPrompt(prompt ?? '', digest) : ofMessages(messages, digest);
  return found.filter(({ chars }) => chars >= WORTH_CHARS).reverse();
}

function ofPrompt(prompt: string, digest: Digest): Prefix[] {
  const found: Prefix[] = [];
  let at = 0;
  for (const cut of [...PROMPT_CUTS_CHARS.filter((chars) => chars < prompt.length), Math.min(prompt.length, HASHED_CHARS)]) {
    digest.add(prompt.slice(at, cut));
    at = cut;
    found.push({ hash: digest.value, chars: at });
  }
  return found;
}

function ofMessages(messages: NonNullable<Said['messages']>, digest: Digest): Prefix[] {
  const found: Prefix[] = [];
  let chars = 0;
  for (const message of messages) {
    if (chars >= HASHED_CHARS) break;
    // A separator that occurs in no text: otherwise 'ab', 'c' would equal 'a', 'bc'.
    const content = textOf(message);
    digest.add(message.role);
    digest.end();
    digest.add(content.slice(0, HASHED_CHARS));
    digest.end();
    chars += content.length;
    found.push({ hash: digest.value, chars });
  }
  return found.length <= FIRST_TURNS + LAST_TURNS ? found : [...found.slice(0, FIRST_TURNS), ...found.slice(-LAST_TURNS)];
}

const END = 0x10000;
const HIGH_BITS = 2 ** 21;

/** Two 32-bit hashes side by side (FNV-1a, and the same with another prime), cut to the 53 bits of a number. */
class Digest {
  #a = 0x811c9dc5;
  #b = 0x01000193;

  add(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.#mix(text.charCodeAt(at));
  }

  end(): void {
    this.#mix(END);
  }

  get value(): number {
    return (this.#a >>> 0) * HIGH_BITS + ((this.#b >>> 0) % HIGH_BITS);
  }

  #mix(code: number): void {
    this.#a = Math.imul(this.#a ^ code, 0x01000193);
    this.#b = Math.imul(this.#b ^ code, 0x85ebca6b) ^ (this.#b >>> 15);
  }
}
