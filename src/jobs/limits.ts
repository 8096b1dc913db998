import type { Role } from '../contract/index.ts';

export interface BodyLimits {
  bytes: number;
  /** Each value is checked, so a body of millions of them would block the daemon for seconds. */
  values: number;
}
/** The body of a request. 50,000 values are more than any usual job has. */
export const BODY_LIMITS: BodyLimits = { bytes: 4 * 1024 * 1024, values: 50_000 };
/**
 * The same of POST /v1/jobs on a connection whose caller has proved itself. A quarter more than what the inference APIs accept, because a
 * request becomes a little larger when it is translated.
 */
export const PROVEN_BODY_LIMITS: BodyLimits = { bytes: 40 * 1024 * 1024, values: 1_250_000 };
/** A body is given as much longer to arrive as it takes at this rate, and no longer than ANSWER_DEADLINE_MS. */
export const BODY_BYTES_PER_S = 1024 * 1024;
/** GET /v1/jobs returns at most this many at once. */
export const LISTED_JOBS_LIMIT = 1000;
/** A request up to this size is not refused for the size of others: a question about the fleet, for example. */
export const SMALL_INPUT_BYTES = 4 * 1024;
/** Events that one job may write. */
export const EVENTS_PER_JOB_LIMIT = 1_000_000;
/** Ended jobs kept for replay, and for how long. */
export const KEPT_JOBS_LIMIT = 20_000;
export const KEPT_JOBS_AGE_MS = 7 * 24 * 60 * 60 * 1000;
/** The same where logs are in memory. */
export const KEPT_IN_MEMORY_JOBS_LIMIT = 500;
export const EXPIRY_INTERVAL_MS = 60_000;

/** A comment this often on every stream, which tells a frozen peer from a quiet one. */
export const PING_INTERVAL_MS = 4_000;
/** Three pings missed: the peer is frozen or gone. */
export const SILENCE_DEADLINE_MS = 3 * PING_INTERVAL_MS;
/** The same on a feed, which is one for all jobs, so that pings cost nothing. */
export const FEED_PING_INTERVAL_MS = 2_000;
/** A feed without a word for so long, four pings, comes from a process that is frozen or gone. */
export const FEED_SILENCE_DEADLINE_MS = 4 * FEED_PING_INTERVAL_MS;
/** A feed on which no job is followed is closed after this. */
export const FEED_IDLE_MS = 60_000;
/** Held for one feed that is not read fast enough; then its jobs are read from their logs. */
export const FEED_BUFFER_LIMIT_CHARS = 1024 * 1024;
/** Held for one reader of lines: more than all that a hive may report of itself, which is written at once. */
export const LINES_BUFFER_LIMIT_CHARS = 16 * 1024 * 1024;
/** One event that is not a result: a token, a step, a failure with its message. Ours have a few kilobytes at most. */
export const EVENT_LIMIT_CHARS = 256 * 1024;
/**
 * What one answer of a peer may take: a result, a call's answer, and the values in either. The answer of `status` grows with the
 * fleet, and only the queen gives it; a hive or worker has one machine to tell of.
 */
export const ANSWER_LIMITS: Record<Role, { resultChars: number; answerChars: number; values: number }> = {
  queen: { resultChars: 64 * 1024 * 1024, answerChars: 16 * 1024 * 1024, values: 4_000_000 },
  hive: { resultChars: 16 * 1024 * 1024, answerChars: 1024 * 1024, values: 250_000 },
  worker: { resultChars: 16 * 1024 * 1024, answerChars: 1024 * 1024, values: 250_000 },
};
/** All events of one job together, in its log. A million tokens are about 40 MB. */
export const JOB_LIMIT_CHARS = 256 * 1024 * 1024;
/** Events of one job that may arrive before the answer that names the job. */
export const HELD_LIMIT_CHARS = 4 * 1024 * 1024;
/** Read of one peer before everybody else has a turn, in characters; and what a piece costs beside its characters, however short. */
export const TURN_CHARS = 64 * 1024;
export const PIECE_CHARS = 64;
/** Of a line that does not end, less than this is silence. */
export const USEFUL_CHARS = 16 * 1024;
/** Interim answers (HTTP 1xx) before the answer itself. Ours send none. */
export const INTERIM_LIMIT = 8;
/** Jobs in one request to follow them. */
export const FEED_FOLLOW_LIMIT = 1_000;
/** From the first byte of a request to the end of its headers. */
export const HEADERS_DEADLINE_MS = 10_000;
export const CONNECT_DEADLINE_MS = 2_000;
export const ANSWER_DEADLINE_MS = 30_000;
/** To create a job, or to begin a stream, is the matter of a moment: a daemon that needs this long is frozen. */
export const PROMPT_ANSWER_DEADLINE_MS = 8_000;
/** A broken stream is taken up again this long after its last sign of life, then its peer is given up. */
export const RECONNECT_DEADLINE_MS = 30_000;
export const RECONNECT_BACKOFF_MS = { first: 50, most: 2_000 };
/** A connection that lasted this long had its peer at the other end; a shorter one that brought nothing is one more failed try. */
export const LASTING_CONNECTION_MS = 5_000;

/** How long a cancelled handler may tidy up before its job ends without it. */
export const CANCEL_GRACE_MS = 2_000;
/** For the answer to a request that was given up while it was on its way. */
export const POSTING_GRACE_MS = 1_000;
/** A cancel that a peer does not answer is sent again this often, for so long. */
export const CANCEL_RETRY_MS = 5_000;
export const CANCEL_PATIENCE_MS = 10 * 60_000;
/** How long a job with on_disconnect=cancel runs without a reader. */
export const DISCONNECT_GRACE_MS = 5_000;
/** An orphaned job runs for so long, in case its request is sent again. */
export const ORPHAN_GRACE_MS = 1_000;
/** Read from a log at once, for a reader that is behind. */
export const READ_CHUNK_BYTES = 64 * 1024;
/** A changed record waits so long for others to be stored with it. */
export const RECORD_DELAY_MS = 5;
/** Records that could not be stored, on a full disk for example, are tried again after this. */
export const RECORD_RETRY_MS = 1_000;
/** How far from the end of a log the place of a reader that comes back is looked for. */
export const SEEK_LIMIT_BYTES = 1024 * 1024;
/** Log files held open at once; more are opened and closed in turn, which costs ten times an append. */
export const OPEN_LOGS_LIMIT = 2_048;
/** Connections that wait to be taken. One beyond that is tried again by its side only after a second. */
export const BACKLOG = 4_096;
/** Jobs that have ended and could not be stored, and what one of them may have said: in memory until the disk takes them. */
export const SPILLED_JOBS_LIMIT = 500;
export const SPILLED_CHARS_LIMIT = 1024 * 1024;
/** Whether the disk takes them is tried this often. */
export const SPILL_RETRY_MS = 1_000;
