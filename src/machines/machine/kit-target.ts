import { JobError } from '../../contract/index.ts';
import type { GpuEngine } from '../../worker/engine-packages.ts';
import { isGlibcTooOld, type Target } from '../kit/index.ts';
import type { Machine } from './machine.ts';

const SYSTEMS: Readonly<Record<string, Target['os'] | undefined>> = { Linux: 'linux', Darwin: 'darwin' };
const PROCESSORS: Readonly<Record<string, Target['arch'] | undefined>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

export type Platform = Pick<Target, 'os' | 'arch'>;

/** Undefined for a system, processor or program size that rbee does not support. */
export function platformOf({ os, arch, bits }: Machine): Platform | undefined {
  const [system, processor] = [SYSTEMS[os], PROCESSORS[arch]];
  return system === undefined || processor === undefined || bits !== 64 ? undefined : { os: system, arch: processor };
}

/** The kit that the machine needs. @throws JobError machine_unsupported */
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
    const sentence = `The machine has glibc ${libc.version}. The engine needs 2.34 or newer, as in Debian 12, Ubuntu 22.04 and RHEL 9`;
    throw new JobError('machine_unsupported', sentence);
  }
  // With an unknown C library, the kit is tried on the machine before anything is changed.
  return { ...platform, libc: 'glibc', gpus: gpuEngines(machine) };
}

/**
 * The engine for Vulkan is small, and is sent even without a driver: installing the driver is then enough. The engine for CUDA is
 * larger than everything else, and is sent once there is a driver.
 */
function gpuEngines({ gpus }: Machine): GpuEngine[] {
  const isThere = (wanted: GpuEngine) =>
    gpus.some(({ engine, lacks }) => engine === wanted && (engine === 'vulkan' || lacks === undefined));
  return (['cuda', 'vulkan'] as const).filter(isThere);
}
