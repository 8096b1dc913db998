import { cpus } from 'node:os';
import type { Device } from '../../contract/index.ts';
import { freeMemoryBytes, totalMemoryBytes } from '../../daemon/index.ts';
import type { AskEngine } from './probe.ts';
import { takenBytes, type Running } from './running.ts';

/** The share of memory that macOS lets the GPU use; more on machines with much memory, and where iogpu.wired_limit_mb is set. */
const LEAST_SHARE = 2 / 3;

/** Apple's GPU shares the machine's memory and can use most of it. */
export async function metalGpu(running: readonly Running[], ask: AskEngine): Promise<Device[]> {
  if (process.platform !== 'darwin' || process.arch !== 'arm64') return [];
  const limitBytes = (await ask({ worker: 'metal' }))?.memory_bytes ?? totalMemoryBytes() * LEAST_SHARE;
  // The limit is for all processes together, but a process sees only its own use.
  const leftBytes = limitBytes - takenBytes(running, { worker: 'metal', device: 0 });
  return [
    {
      worker: 'metal',
      device: 0,
      name: cpus()[0]?.model ?? 'Apple GPU',
      memory_bytes: limitBytes,
      memory_free_bytes: Math.max(0, Math.min(await freeMemoryBytes(), leftBytes)),
      unified: true,
    },
  ];
}
