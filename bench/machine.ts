import { cpus, release, totalmem, type } from 'node:os';

/** Where something was measured. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  node: string;
  kernel: string;
}

export function thisMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kernel: `${type()} ${release()}`,
  };
}

export function describe({ cpu, cores, memoryGiB, node, kernel }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB of memory, ${kernel}, Node ${node}`;
}
