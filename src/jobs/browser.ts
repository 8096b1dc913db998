/** The calling side of this room for a web page: fetch, and nothing of Node. It has no feeds and no proofs; a page sends the token. */
export { cancelJob, postJob, readStream, type Daemon, type JobPost } from './client/fetch-client.ts';
export type { Broken, StreamOptions } from './client/resume-stream.ts';
export type { StreamEvent } from './client/stream-event.ts';
