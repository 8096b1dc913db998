import { reportProgress } from '../../narration/index.ts';

const INTERVAL_MS = 200;

/** Passes bytes on and tells the job's readers, a few times a second, how far they have come. */
export async function* metered(
  bytes: AsyncIterable<Uint8Array>,
  { action, from = 0, total }: { action: string; /** Done before. */ from?: number; total: number },
): AsyncGenerator<Uint8Array, void, void> {
  const began = performance.now();
  let [done, told] = [from, 0];
  const tell = () => {
    told = performance.now();
    const rate = (done - from) / Math.max((told - began) / 1000, 0.001);
    reportProgress({
      action,
      done,
      total,
      unit: 'bytes',
      rate: Math.round(rate),
      eta_s: rate === 0 ? null : Math.ceil(Math.max(total - done, 0) / rate),
    });
  };
  for await (const piece of bytes) {
    yield piece;
    done += piece.length;
    if (performance.now() - told >= INTERVAL_MS) tell();
  }
  tell();
}

/** '81 MB'. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;
}
