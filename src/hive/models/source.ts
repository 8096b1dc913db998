import { JobError } from '../../contract/index.ts';

/** A file that can be read from any byte, repeatedly. */
export interface Source {
  readonly label: string;
  /**
   * Opens it at `from`, or at its first byte where it has changed since or cannot be opened in the middle.
   * @throws Interruption where the same call may work later, else JobError download_failed
   */
  open(from: Place, signal: AbortSignal): Promise<Opened>;
  close(): Promise<void>;
}

/** The bytes of one version of the file that have arrived. */
export interface Place {
  offset: number;
  /** Changes when the file does; undefined where the source has no version. */
  version: string | undefined;
  /** Null when unknown. */
  total: number | null;
}

export interface Opened extends Place {
  /** The bytes from `offset` on. Throws Interruption when they stop before their end. */
  body: AsyncIterable<Uint8Array>;
}

interface InterruptionOptions {
  cause?: unknown;
  isFruitless?: boolean;
  waitMs?: number;
  code?: 'download_failed' | 'hub_limited';
}

/** A failure that may be temporary: the download tries again, and throws it when all tries fail. */
export class Interruption extends JobError {
  /** Counts as a failed try even after new bytes: a server that sends a byte a minute would keep a download running indefinitely. */
  readonly isFruitless: boolean;
  /** What the server wants at least. */
  readonly waitMs: number;

  constructor(message: string, options: InterruptionOptions = {}) {
    super(options.code ?? 'download_failed', message, options);
    this.isFruitless = options.isFruitless ?? false;
    this.waitMs = options.waitMs ?? 0;
  }
}
