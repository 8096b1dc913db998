import { JobError } from '../../contract/index.ts';
import { isGlibcTooOld, type GpuEngine, type Target } from '../kit/index.ts';
import type { Machine } from './machine.ts';

const SYSTEMS: Readonly<Record<string, Target['os'] | undefined>> = { Linux: 'linux', Darwin: 'darwin' };
const PROCESSORS: Readonly<Record<string, Target['arch'] | undefined>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

export type Platform = Pick<Target, 'os' | 'arch'>;

/** Undefined for a system, a processor or programs that nothing of ours runs on. */
export function platformOf({ os, arch, bits }: Machine): Platform | undefined {
  const [system, processor] = [SYSTEMS[os], PROCESSORS[arch]];
  return system === undefined || processor === undefined || bits !== 64 ? undefined : { os: system, arch: processor };
}

/** Which kit the machine needs. @throws JobError machine_unsupported */
export function kitTarget(machine: Machine): Target {
  const { os, arch, bits, libc } = machine;
  const platform = platformOf(machine);
  if (platform === undefined) {
    const programs = bits === 64 ? '' : ` with ${bits}-bit programs`;
    throw new JobError('machine_unsupported', `rbee has no kit for ${os} on ${arch}${programs}`);
  }
  if (platform.os === 'darwin') return { ...platform, libc: undefined, gpus: [] };
  if (libc.kind === 'musl') return { ...platform, libc: 'musl', gpus: [] };
  if (libc.kind === 'glibc' && isGlibcTooOld(libc.version)) {
    const sentence = `The machine has glibc ${libc.version}, and the engine needs 2.34 or newer, as in Debian 12, Ubuntu 22.04 and RHEL 9`;
    throw new JobError('machine_unsupported', sentence);
  }
  // Where nothing tells the C library, the kit is tried there before anything is changed.
  return { ...platform, libc: 'glibc', gpus: gpuEngines(machine) };
}

/**
 * The engine for Vulkan is small, and is sent before its driver is there: then installing that is all it takes. The one for
 * CUDA weighs more than all the rest, and comes when there is a driver.
 */
function gpuEngines({ gpus }: Machine): GpuEngine[] {
  const isThere = (wanted: GpuEngine) =>
    gpus.some(({ engine, lacks }) => engine === wanted && (engine === 'vulkan' || lacks === undefined));
  return (['cuda', 'vulkan'] as const).filter(isThere);
}
