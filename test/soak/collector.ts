import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket, type MessageEvent } from 'undici';

/** For the NODE_OPTIONS of the daemons to inspect. Any free port, since there are several. */
export const INSPECTABLE = '--inspect-port=127.0.0.1:0';

const POLL_MS = 20;
const DEADLINE_MS = 10_000;

/** Runs a full garbage collection in a Node process and returns what the heap then holds, over the DevTools protocol that SIGUSR1 opens. */
export class Collector implements Disposable {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @param logFile where the process's stderr goes, which names the address */
  static async open(pid: number, logFile: string): Promise<Collector> {
    const before = readFileSync(logFile, 'utf8').length;
    process.kill(pid, 'SIGUSR1');
    const socket = new WebSocket(await addressIn(logFile, before));
    await once(socket, 'open', { signal: AbortSignal.timeout(DEADLINE_MS) });
    return new Collector(socket);
  }

  /** @returns bytes of JavaScript's heap that are in use after a full collection */
  async heldBytes(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage');
    const { usedSize } = (await this.#ask('Runtime.getHeapUsage')) as { usedSize: number };
    return usedSize;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #ask(method: string): Promise<unknown> {
    const id = (this.#asked += 1);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the process did not answer ${method}`)), DEADLINE_MS);
      const hear = (event: MessageEvent) => {
        const answer = JSON.parse(String(event.data)) as { id: number; result: unknown };
        if (answer.id !== id) return;
        clearTimeout(late);
        this.#socket.removeEventListener('message', hear);
        resolve(answer.result);
      };
      this.#socket.addEventListener('message', hear);
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }
}

async function addressIn(logFile: string, from: number): Promise<string> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const address = /Debugger listening on (ws:\S+)/.exec(readFileSync(logFile, 'utf8').slice(from))?.[1];
    if (address !== undefined) return address;
    if (Date.now() > deadline) throw new Error(`the process behind ${logFile} cannot be inspected`);
    await delay(POLL_MS);
  }
}
