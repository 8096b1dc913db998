import { JobError } from '../../contract/index.ts';
import { cpuPackage, type GpuEngine } from '../../worker/engine-packages.ts';

/** The kind of machine that a kit is for. */
export interface Target {
  os: 'linux' | 'darwin';
  arch: 'x64' | 'arm64';
  /** Undefined on macOS, which has only one. */
  libc: 'glibc' | 'musl' | undefined;
  /** Engines for its GPUs; Metal is part of the engine itself. */
  gpus: readonly GpuEngine[];
}

/** The engine is built with it; Node itself needs only 2.28. */
const OLDEST_GLIBC = { major: 2, minor: 34 };

/** @param version such as '2.36' */
export function isGlibcTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST_GLIBC.major || (major === OLDEST_GLIBC.major && minor < OLDEST_GLIBC.minor);
}

/** 'linux-arm64', for file names and messages. */
export function targetName({ os, arch, libc }: Target): string {
  return libc === 'musl' ? `${os}-${arch}-musl` : `${os}-${arch}`;
}

export function isSameTarget(one: Target, other: Target): boolean {
  return targetName(one) === targetName(other);
}

/** The target of this machine. @throws JobError machine_unsupported */
export function ownTarget(): Target {
  const { platform, arch } = process;
  if ((platform !== 'linux' && platform !== 'darwin') || (arch !== 'x64' && arch !== 'arm64'))
    throw new JobError('machine_unsupported', `rbee has no kit for ${platform} on ${arch}`);
  return { os: platform, arch, libc: platform === 'darwin' ? undefined : hasGlibc() ? 'glibc' : 'musl', gpus: [] };
}

/** The C library of this process: a machine may have both. */
function hasGlibc(): boolean {
  // With network data, the report would resolve the name of every peer and block the process meanwhile.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}

/**
 * The packages with the native modules of the engine and of the catalog, by the package that depends on them.
 * @throws JobError machine_unsupported for musl: the engine has no build for it
 */
export function nativePackages(target: Target): Readonly<Record<string, string>> {
  if (target.libc === 'musl') {
    const sentence = 'The engine has no build for musl, the C library of Alpine Linux. Use a machine with glibc';
    throw new JobError('machine_unsupported', sentence);
  }
  const { os, arch } = target;
  return {
    rbee: cpuPackage(target),
    libsql: os === 'linux' ? `@libsql/linux-${arch}-gnu` : `@libsql/darwin-${arch}`,
  };
}
