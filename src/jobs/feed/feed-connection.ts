import type { Writable } from 'node:stream';
import { createFeedEncoder, PING_LINE, lostLine } from './feed-lines.ts';
import { FEED_BUFFER_LIMIT_CHARS } from '../limits.ts';
import type { Sink } from '../registry/reader.ts';
import type { JobReading, JobRegistry } from '../registry/registry.ts';

/**
 * One reading side that follows many jobs on one connection. The events of all its jobs in one tick are one write.
 * J5: a slow reading side delays no job. Its jobs fall behind, and are read from their logs once it reads again.
 */
export class FeedConnection {
  readonly #out: Writable;
  readonly #registry: JobRegistry;
  readonly #readings = new Map<number, JobReading>();
  /** Of readers that wait until the connection can be written to. */
  #waiting: (() => void)[] = [];
  #text = '';

  constructor(out: Writable, registry: JobRegistry) {
    this.#out = out;
    this.#registry = registry;
    out.on('drain', () => this.#onDrain());
  }

  /**
   * Sends the events of a job, from the first or after the event `after`, under the tag. Once for each tag.
   * @throws JobError job_not_found, invalid_input
   */
  follow(tag: number, jobId: string, after: number): void {
    if (this.#readings.has(tag)) return;
    const reading = this.#registry.read(jobId, this.#sink(tag), { after, encoder: createFeedEncoder(tag) });
    this.#readings.set(tag, reading);
    // Each reads a chunk at once, so many that reconnect together take turns.
    if (this.#hasRoom()) reading.start();
    else this.#waiting.push(() => reading.start());
  }

  ping(): void {
    if (this.#hasRoom()) this.#write(`${PING_LINE}\n`);
  }

  /** The other side has disconnected. */
  close(): void {
    this.#waiting = [];
    for (const reading of this.#readings.values()) reading.close();
    this.#readings.clear();
  }

  #sink(tag: number): Sink {
    return {
      write: (text) => this.#write(text),
      drained: (callback) => this.#waiting.push(callback),
      end: (text, isWhole) => {
        this.#write(isWhole ? text : text + lostLine(tag));
        this.#readings.get(tag)?.close();
        this.#readings.delete(tag);
      },
    };
  }

  #write(text: string): boolean {
    // One flush serves all jobs: what it queues here is written right after it.
    if (this.#text === '') process.nextTick(() => this.#send());
    this.#text += text;
    return this.#hasRoom();
  }

  #send(): void {
    const text = this.#text;
    this.#text = '';
    // A write that the kernel accepts at once emits no 'drain'.
    if (this.#out.write(text) && this.#waiting.length > 0) setImmediate(() => this.#onDrain());
  }

  #hasRoom(): boolean {
    return this.#out.writableLength + this.#text.length < FEED_BUFFER_LIMIT_CHARS;
  }

  /** As many as the connection can take: each of them may read a whole chunk from its log. */
  #onDrain(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) this.#waiting.shift()?.();
  }
}
