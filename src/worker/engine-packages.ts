// Where the engines' packages are, and how they are named: for the rooms that install, find or report an engine without running it.
export { canUse, engineDir, findEngine, installCommand, packagesFor, type InstalledEngine } from './engines/llama/find-engine.ts';
export { ADDONS_PATTERN, cpuPackage, gpuPackages, type GpuEngine } from './engines/llama/packages.ts';
