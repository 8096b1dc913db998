import { expect, test } from 'vitest';
import type { Progress } from '../../contract/index.ts';
import { context } from '../../jobs/fixtures/test-jobs.ts';
import { spoken } from '../../narration/index.ts';
import { ByteMeter } from './meter.ts';

async function* pieces(sizes: readonly number[]) {
  for (const size of sizes) yield new Uint8Array(size);
}

test('progress of concurrent sources is reported as one: it never decreases, and ends at the total', async () => {
  const events: Progress[] = [];
  const meter = new ByteMeter('kit_pack');
  const run = spoken('queen-rbee', async function* () {
    // The second one is larger than expected, like an archive compared to its files.
    const streams = [meter.passing(pieces([10, 20, 30]), 60), meter.passing(pieces([40, 50]), 80)];
    await Promise.all(
      streams.map(async (stream) => {
        for await (const piece of stream) expect(piece.length).toBeGreaterThan(0);
      }),
    );
    return {};
  });
  await run(undefined, context({ emit: (event) => void events.push(event.data as Progress) })).next();
  const done = events.map((progress) => progress.done);
  expect(done).toEqual(done.toSorted((one, other) => one - other));
  expect(events.at(-1)).toMatchObject({ action: 'kit_pack', done: 140, total: 140, unit: 'bytes' });
});
