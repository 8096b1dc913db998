import { cpus } from 'node:os';
import type { Device } from '../../contract/index.ts';
import { freeMemoryBytes, totalMemoryBytes } from '../../daemon/index.ts';
import type { AskEngine } from './probe.ts';
import { takenBytes, type Running } from './running.ts';

/** What macOS lets the GPU have at least; more on machines with much memory, and where somebody has set iogpu.wired_limit_mb. */
const LEAST_SHARE = 2 / 3;

/** Apple's GPU shares the machine's memory, and gets most of it. */
export async function metalGpu(running: readonly Running[], ask: AskEngine): Promise<Device[]> {
  if (process.platform !== 'darwin' || process.arch !== 'arm64') return [];
  const limitBytes = (await ask({ worker: 'metal' }))?.memory_bytes ?? totalMemoryBytes() * LEAST_SHARE;
  // The limit is that of all processes together, and each is told of its own part only.
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
