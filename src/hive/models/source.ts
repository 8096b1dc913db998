import { JobError } from '../../contract/index.ts';

/** Something that can be read from any byte on, as often as needed. */
export interface Source {
  readonly label: string;
  /**
   * Opens it at `from`, or at its first byte where it has changed since or cannot be opened in the middle.
   * @throws Interruption where the same call may work in a moment, else JobError download_failed
   */
  open(from: Place, signal: AbortSignal): Promise<Opened>;
  close(): Promise<void>;
}

/** How far somebody has come with one version of the file. */
export interface Place {
  offset: number;
  /** Anything that changes when the file does; undefined where the source tells nothing of the kind. */
  version: string | undefined;
  /** Null when nobody knows. */
  total: number | null;
}

export interface Opened extends Place {
  /** The bytes from `offset` on. Throws Interruption when they stop before their end. */
  body: AsyncIterable<Uint8Array>;
}

/** A download_failed that may be over in a moment: the download tries again, and throws it only when that did not help. */
export class Interruption extends JobError {
  /** It counts as a failed try whatever it brought: a server that sends a byte a minute brings the file further for ever. */
  readonly isFruitless: boolean;

  constructor(message: string, options: { cause?: unknown; isFruitless?: boolean } = {}) {
    super('download_failed', message, options);
    this.isFruitless = options.isFruitless ?? false;
  }
}
