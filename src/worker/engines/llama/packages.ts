import manifest from '../../../../package.json' with { type: 'json' };

/** The engine's library. The build bundles it with rbee. */
export const LIBRARY = 'node-llama-cpp';
/** Of the packages with its binaries, one for each kind of machine and of GPU. */
export const BINARIES_SCOPE = '@node-llama-cpp';
/** Version of the bundled library. It refuses packages with binaries of any other version. */
export const ENGINE_VERSION = manifest.optionalDependencies['@node-llama-cpp/linux-x64'];
/** The native modules of an installation, as a pattern for the shell. */
export const ADDONS_PATTERN = `node_modules/${BINARIES_SCOPE}/*/bins/*/llama-addon.node`;

/** A build of the engine in addition to the one for CPUs. */
export type GpuEngine = 'cuda' | 'vulkan';

/** A kind of machine, as Node names it. */
export interface EngineMachine {
  os: NodeJS.Platform;
  arch: NodeJS.Architecture;
}

/** The package with the binary for the CPU. On Apple silicon, Metal is part of it; for other GPUs see gpuPackages. */
export function cpuPackage({ os, arch }: EngineMachine): string {
  if (os === 'darwin') return `${BINARIES_SCOPE}/${arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64'}`;
  return `${BINARIES_SCOPE}/${os}-${arch === 'arm' ? 'armv7l' : arch}`;
}

const GPU_PACKAGES: Readonly<Record<string, Readonly<Record<GpuEngine, readonly string[]>> | undefined>> = {
  'linux-x64': {
    // The library for its CUDA version, and one for older drivers.
    cuda: [`${BINARIES_SCOPE}/linux-x64-cuda`, `${BINARIES_SCOPE}/linux-x64-cuda-ext`],
    vulkan: [`${BINARIES_SCOPE}/linux-x64-vulkan`],
  },
};

/** Additional packages of the engine for a GPU, the one that is always needed first; empty where there is no build for it. */
export function gpuPackages({ os, arch }: EngineMachine, engine: GpuEngine): readonly string[] {
  return GPU_PACKAGES[`${os}-${arch}`]?.[engine] ?? [];
}
