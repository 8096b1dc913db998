import { formatBytes, JobError, type JobEvent } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import type { DownloadShare } from './download-room.ts';
import { assertGgufStart } from './gguf.ts';
import type { Patience } from './limits.ts';
import type { Meter } from './meter.ts';
import type { PartFile } from './part-file.ts';
import { Tries } from './retrying.ts';
import { Interruption, type Opened, type Source } from './source.ts';

export interface Transfer {
  name: string;
  source: Source;
  part: PartFile;
  share: DownloadShare;
  meter: Meter;
  /** Of the files that follow. */
  laterBytes: number;
  signal: AbortSignal;
}

/**
 * Completes the part from its source, over as many connections as it takes. Gives up after several tries in a row without a new byte:
 * a server that cuts every connection is tolerated, one that repeats the same bytes is not.
 */
export async function* fetchInto(transfer: Transfer, patience: Patience): AsyncGenerator<JobEvent, void, void> {
  const { part, signal } = transfer;
  const tries = new Tries(patience, signal);
  let furthest = part.size;
  for (let ended = part.complete; !ended;) {
    try {
      yield* fetchOnce(transfer);
      ended = true;
    } catch (cause) {
      const hasAdvanced = part.size > furthest;
      furthest = Math.max(furthest, part.size);
      await tries.afterFailure(cause, hasAdvanced);
    }
  }
  yield transfer.meter.measure(part.size, part.size);
}

async function* fetchOnce({
  name,
  source,
  part,
  share,
  signal,
  meter,
  laterBytes,
}: Transfer): AsyncGenerator<JobEvent, void, void> {
  const before = part.place;
  const opened = await source.open(before, signal);
  narrateStart({ name, label: source.label, had: before.offset }, opened);
  if (opened.offset === 0) await part.restart(opened);
  const { total, body } = opened;
  await share.begin(total === null ? null : total - part.size + laterBytes);
  for await (const piece of body) {
    signal.throwIfAborted();
    assertGgufStart(source.label, piece, part.size);
    if (total !== null && part.size + piece.length > total)
      throw new JobError('download_failed', `${source.label} announced ${total} bytes and sends more`);
    await share.take(piece.length);
    await part.write(piece);
    const event = meter.tick(part.size, total);
    if (event !== undefined) yield event;
  }
  signal.throwIfAborted();
  if (total === null || part.size === total) return;
  throw new Interruption(`${source.label} announced ${total} bytes and sent ${part.size}`);
}

function narrateStart(what: { name: string; label: string; had: number }, { offset, total }: Opened): void {
  const { name, label, had } = what;
  const size = total === null ? 'of unknown size' : formatBytes(total);
  if (offset > 0) narrate('resume', `resuming ${name} after ${formatBytes(offset)} of ${size}`);
  else if (had > 0) narrate('restart', `${label} has changed, or cannot resume: fetching ${name} (${size}) from the start`);
  else narrate('fetch', `fetching ${name} (${size})${name === label ? '' : ` from ${label}`}`);
}
