/** A worker ends its requests and lets go of the model within this, or is killed. */
export const STOP_GRACE_MS = 5_000;
