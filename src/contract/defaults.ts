/** Where rbee's daemons listen, and call each other on one machine. */
export const LOOPBACK = '127.0.0.1';

/** Ports of a home whose environment names no other ones (src/daemon/ports.ts). */
export const QUEEN_PORT = 8500;
export const HIVE_PORT = 9000;
/** The first one; each further worker takes the next free one. */
export const FIRST_WORKER_PORT = 9001;

/** Requests that a worker serves at once. */
export const DEFAULT_SLOTS = 4;
/**
 * Tokens of a slot, or fewer where the model was trained on fewer. Most models allow far more than most machines have memory
 * for, since every slot has all of it.
 */
export const DEFAULT_CONTEXT_TOKENS = 8192;

/** Ships with rbee, so that the first command works without a download. */
export const DEFAULT_MODEL = 'tiny';
