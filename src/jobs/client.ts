/** The caller's half of this room, for the keeper and the page: no server comes with it. */
export { Backoff } from './backoff.ts';
export { call } from './call.ts';
export { newCorrelationId } from './correlation.ts';
export { PING_LINE } from './feed-lines.ts';
export type { Broken } from './follower.ts';
export { parseBounded } from './json-shape.ts';
export { openLines, type LineLink } from './line-link.ts';
export { isSilence, type Peer } from './peer.ts';
export { cancelJob, postJob, resumeOn, runOn, type RunOnOptions } from './run-on.ts';
export { readStream } from './stream.ts';
export type { StreamEvent } from './stream-event.ts';
export { ANSWER_LIMITS, RECONNECT_DEADLINE_MS } from './limits.ts';
export { nearest } from './nearest.ts';
export { trace, type Trace, type TraceBelow } from './trace.ts';
