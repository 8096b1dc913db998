export { install, requireOwn, startRemote, stopRemote, uninstall, type HiveSite } from './install/index.ts';
export { findPackageRoot, makeKit } from './kit/index.ts';
export { checkMachine, kitTarget, probeMachine, requireFit } from './machine/index.ts';
export {
  configHosts,
  requireForwarding,
  requireTarget,
  resolveTarget,
  SshShells,
  type Tunnel,
  type TunnelOptions,
} from './ssh/index.ts';
