import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { JobError } from '../../contract/index.ts';

/** Callers that are served beyond those of the rest of the daemon. */
export interface Callers {
  /** Names of this machine in the Host header, in lower case. */
  names: ReadonlySet<string>;
  /** Whether pages of this origin may call. */
  allowsOrigin: (origin: string) => boolean;
  /** Headers that may have the token, instead of Authorization. */
  keyHeaders: readonly string[];
}

export interface ErrorAnswer {
  status: number;
  headers: Record<string, string>;
  body: object;
}

/** What holds for all paths under a prefix, instead of what holds for the rest of the daemon. */
export interface PathRules {
  /** Serves callers that have no token, also where this daemon has one. The Host and Origin headers are checked all the same. */
  isOpen?: boolean;
  /** Called for each request that has passed the guard, before it is routed. @throws JobError */
  admit?: (request: IncomingMessage) => void;
  callers?: Callers;
  /** Every error answer, in place of rbee's own. */
  errorAnswer?: (error: JobError, request: IncomingMessage) => ErrorAnswer;
}

/** The rules of a daemon's paths. Of several prefixes that fit, the longest counts. */
export class PathTable {
  readonly #rules: { prefix: string; rules: PathRules }[] = [];

  /** @param prefix whole segments, for example '/ui': it covers /ui and /ui/…, and not /uint */
  add(prefix: string, rules: PathRules): void {
    assert.match(prefix, /^(?:\/[\w.-]+)+$/, 'a prefix is made of plain segments');
    this.#rules.push({ prefix, rules });
    this.#rules.sort((one, other) => other.prefix.length - one.prefix.length);
  }

  /** @param url as it was sent; one that is absolute, or escaped in no valid way, has no rules of its own: it is guarded like the rest */
  of(url: string): PathRules {
    const path = unescaped(url.split(/[?#]/, 1)[0] ?? '');
    return this.#rules.find(({ prefix }) => path === prefix || path?.startsWith(`${prefix}/`))?.rules ?? {};
  }
}

/** As the router reads it: the rules of an escaped path are those of the path that is served. */
function unescaped(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
