import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** Where something was measured. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  node: string;
  kernel: string;
  /** Of the last minute, before anything was measured: what other programs were doing. */
  loadAverage: number;
}

export function thisMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kernel: `${type()} ${release()}`,
    loadAverage: loadavg()[0] ?? 0,
  };
}

export function describe({ cpu, cores, memoryGiB, node, kernel, loadAverage }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB of memory, ${kernel}, Node ${node}; load average before the run ${loadAverage.toFixed(1)}`;
}
