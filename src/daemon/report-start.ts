import type { WireError } from '../contract/index.ts';
import type { Readiness, StartMessage, StartStep } from './start-message.ts';

// The daemon's side of startDaemon. Without a starter (`rbee queen run` in a terminal), or with one that has exited meanwhile,
// the daemon continues all the same: none of these functions throws.

/** The port is bound and the pidfile written: the starter may exit. Nothing can be reported after this. */
export function reportReady(readiness: Readiness): Promise<void> {
  return send({ kind: 'ready', ...readiness });
}

export function reportStep(step: StartStep): Promise<void> {
  return send(step);
}

/** The start has failed with `error`, which the starter throws. Await this before process.exit, or it may be lost. */
export function reportFailure(error: WireError): Promise<void> {
  return send({ kind: 'failed', error });
}

/** Resolves when the message is sent, or cannot be: with a callback, Node passes EPIPE to it instead of throwing. */
function send(message: StartMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
