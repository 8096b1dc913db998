/** A worker that has not ended its requests and unloaded its model within this is killed. */
export const STOP_GRACE_MS = 5_000;
