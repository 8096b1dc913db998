import type { WireError } from '../contract/index.ts';
import type { Readiness, StartMessage, StartStep } from './start-message.ts';

// The daemon's side of startDaemon. Without a starter (`rbee queen run` in a terminal), or with one that has died meanwhile,
// nobody is there to be told, and the daemon goes on all the same: none of these ever throws.

/** The port is bound and the pidfile written: the starter may go. Nothing can be reported after it. */
export function reportReady(readiness: Readiness): Promise<void> {
  return send({ kind: 'ready', ...readiness });
}

export function reportStep(step: StartStep): Promise<void> {
  return send(step);
}

/** The start has failed, with `error` as the starter is to throw it. Await it before process.exit, or it may be lost. */
export function reportFailure(error: WireError): Promise<void> {
  return send({ kind: 'failed', error });
}

/** Resolves when the message is handed over, or cannot be: with a callback, Node reports EPIPE there instead of throwing it. */
function send(message: StartMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
