/** How long a download waits, and how often it tries again. */
export interface Patience {
  connectMs: number;
  /** From the request to the first line of the answer. */
  answerMs: number;
  /** Between two pieces of the file. A slow server is tolerated, a silent one is not. */
  idleBodyMs: number;
  /** A server that stays slower than this counts as silent. */
  slow: { bytesPerS: number; forMs: number };
  /** Tries in a row without a new byte; then the download fails, and a later one resumes it. */
  attempts: number;
  /** Doubles from one try to the next. */
  backoffMs: { first: number; most: number };
}

/** Bridges an outage of about 36 s. */
export const PATIENCE: Patience = {
  connectMs: 10_000,
  answerMs: 30_000,
  idleBodyMs: 30_000,
  slow: { bytesPerS: 1024, forMs: 60_000 },
  attempts: 8,
  backoffMs: { first: 500, most: 10_000 },
};

/** A server that wants a longer pause is given up: the download fails, and a later one resumes it. */
export const LIMIT_WAIT_MS = 300_000;
export const REDIRECTS_LIMIT = 5;
/** Interim answers (HTTP 1xx) before the answer itself. */
export const INTERIM_LIMIT = 8;
export const PROGRESS_INTERVAL_MS = 250;
/** A GGUF file has at least its magic, its version and two counts. */
export const SMALLEST_GGUF_BYTES = 24;
/** Read and hashed at once of a file on this machine: a piece takes the event loop well under a millisecond. */
export const FILE_CHUNK_BYTES = 256 * 1024;
/** Model names listed in an error message. */
export const NAMES_SHOWN_LIMIT = 10;
/** The largest vocabularies take about 20 MB. */
export const HEADER_BYTES_LIMIT = 64 * 1024 * 1024;
/** Files whose headers are remembered. */
export const HEADERS_KEPT_LIMIT = 1000;
