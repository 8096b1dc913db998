import { capabilities, JobError, type Hive } from '../../contract/index.ts';
import { call } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import type { HiveCatalog } from './hive-catalog.ts';
import type { Reach } from './reach.ts';

const CAPABILITIES_DEADLINE_MS = 10_000;

/** Reads the capabilities of the hive's machine, and records them. */
export async function refresh(hive: Hive, { hives, reach }: { hives: HiveCatalog; reach: Reach }): Promise<Hive> {
  const signal = AbortSignal.timeout(CAPABILITIES_DEADLINE_MS);
  const answer = capabilities.safeParse(await call(reach.peerOf(hive), { method: 'GET', path: '/capabilities', signal }));
  if (!answer.success)
    throw new JobError('hive_bad_response', `Hive '${hive.hive_id}' sent capabilities that rbee cannot parse`, {
      cause: answer.error,
    });
  narrate(
    'hive_capabilities',
    `hive '${hive.hive_id}' has ${answer.data.devices.map(({ worker, device }) => `${worker}:${device}`).join(', ')}`,
    { detail: true },
  );
  return hives.record(hive.hive_id, answer.data);
}
