/** The caller's half of this room, for the keeper and the page: no server comes with it. */
export { call } from './call.ts';
export { newCorrelationId } from './correlation.ts';
export type { Peer } from './peer.ts';
export { cancelJob, postJob, runOn } from './run-on.ts';
export { readStream, type StreamEvent } from './stream.ts';
export { nearest } from './nearest.ts';
export { trace, type Trace, type TraceBelow } from './trace.ts';
