import * as fs from 'node:fs/promises';
import { formatBytes, JobError } from '../../contract/index.ts';
import { floorBytes } from '../../daemon/index.ts';

/** How long a reading of the disk is used: another program may fill it at any time. */
const ASK_INTERVAL_MS = 250;

/**
 * The part of a disk that downloads may fill. Some of the disk stays free for everything else. The size of a download is reserved from
 * its first byte, so that no other download takes it.
 */
export class DownloadRoom {
  readonly #directory: string;
  readonly #shares = new Set<DownloadShare>();
  /** Of all downloads, since the disk was read. */
  #leftBytes = 0;
  #askedAt = -Infinity;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Ends with `release`. @param name of the model, for messages */
  share(name: string): DownloadShare {
    const share = new DownloadShare(this, name);
    this.#shares.add(share);
    return share;
  }

  release(share: DownloadShare): void {
    this.#shares.delete(share);
  }

  /** @throws JobError disk_full when so many bytes do not fit beside the files and the reservations of other downloads */
  async promise(share: DownloadShare, neededBytes: number): Promise<void> {
    const { freeBytes, floor } = await this.#ask();
    const promisedBytes = this.#promisedTo(share);
    if (neededBytes <= this.#leftBytes - promisedBytes) return;
    const kept = `, of which ${formatBytes(floor)} are kept free`;
    const promised = promisedBytes === 0 ? '' : ` and ${formatBytes(promisedBytes)} are for other downloads`;
    const sentence = `The disk is full: ${formatBytes(neededBytes)} are needed and ${formatBytes(freeBytes)} are free in ${this.#directory}${kept}${promised}`;
    throw new JobError('disk_full', sentence);
  }

  /** @throws JobError disk_full */
  async take(share: DownloadShare, bytes: number): Promise<void> {
    const others = () => (share.isPromised ? 0 : this.#promisedTo(share));
    const isOver = () => bytes > this.#leftBytes - others();
    if (isOver() || performance.now() - this.#askedAt > ASK_INTERVAL_MS) await this.#ask();
    if (isOver()) {
      const sentence = `The disk is full: the rest of it, in ${this.#directory}, is kept free. The part of '${share.name}' that has arrived is kept. Free some space and run the download again, or delete the part: rbee model delete ${share.name}`;
      throw new JobError('disk_full', sentence);
    }
    this.#leftBytes -= bytes;
  }

  #promisedTo(share: DownloadShare): number {
    return [...this.#shares].reduce((sum, other) => sum + (other === share ? 0 : other.promisedBytes), 0);
  }

  async #ask(): Promise<{ freeBytes: number; floor: number }> {
    const { bavail, bsize, blocks } = await fs.statfs(this.#directory);
    const [freeBytes, floor] = [bavail * bsize, floorBytes(blocks * bsize)];
    this.#leftBytes = freeBytes - floor;
    this.#askedAt = performance.now();
    return { freeBytes, floor };
  }
}

/** The reservation of one download. */
export class DownloadShare {
  readonly name: string;
  readonly #room: DownloadRoom;
  /** Undefined where the size is unknown. */
  #promisedBytes: number | undefined;

  constructor(room: DownloadRoom, name: string) {
    this.#room = room;
    this.name = name;
  }

  get promisedBytes(): number {
    return this.#promisedBytes ?? 0;
  }

  get isPromised(): boolean {
    return this.#promisedBytes !== undefined;
  }

  /** Before the first byte of an answer. @param leftBytes null when unknown @throws JobError disk_full */
  async begin(leftBytes: number | null): Promise<void> {
    this.#promisedBytes = undefined;
    if (leftBytes === null) return;
    await this.#room.promise(this, leftBytes);
    this.#promisedBytes = leftBytes;
  }

  /** Before each write: another program may have used reserved space. @throws JobError disk_full */
  async take(bytes: number): Promise<void> {
    await this.#room.take(this, bytes);
    if (this.#promisedBytes !== undefined) this.#promisedBytes = Math.max(0, this.#promisedBytes - bytes);
  }

  release(): void {
    this.#room.release(this);
  }
}
