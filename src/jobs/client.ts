/** The caller's half of this room, for the keeper and the page: no server comes with it. */
export { Backoff } from './client/backoff.ts';
export { call } from './client/call.ts';
export { CORRELATION_HEADER, correlationIdOf, newCorrelationId } from './client/correlation.ts';
export { PING_LINE } from './feed/feed-lines.ts';
export type { Broken } from './client/resume-stream.ts';
export { parseBounded } from './client/json-shape.ts';
export { openLines, type LineLink } from './feed/line-link.ts';
export type { Peer } from './client/peer.ts';
export { isSilence } from './client/peer-errors.ts';
export { cancelJob } from './client/cancel-job.ts';
export { postJob } from './client/post-job.ts';
export { resumeOn, runOn, type RunOnOptions } from './client/run-on.ts';
export { readStream } from './client/stream.ts';
export type { StreamEvent } from './client/stream-event.ts';
export { ANSWER_LIMITS, LISTED_JOBS_LIMIT, PROVEN_BODY_LIMITS, RECONNECT_DEADLINE_MS } from './limits.ts';
export { nearest } from './client/nearest.ts';
export { trace, type Trace, type TraceBelow } from './client/trace.ts';
