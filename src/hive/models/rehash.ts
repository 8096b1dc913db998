import { formatBytes, type JobEvent } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import type { Meter } from './meter.ts';
import type { PartFile } from './part-file.ts';

/** At 40 GB this takes a minute, so it reports progress like a download. */
export async function* rehash(
  part: PartFile,
  { name, meter }: { name: string; meter: Meter },
  signal: AbortSignal,
): AsyncGenerator<JobEvent, void, void> {
  if (part.size === 0) return;
  narrate('verify', `reading the ${formatBytes(part.size)} of ${name} that have already arrived`, { detail: true });
  for await (const position of part.rehash(signal)) {
    const event = meter.tick(position, part.size);
    if (event !== undefined) yield event;
  }
}
