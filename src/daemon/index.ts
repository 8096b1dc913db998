export { programOutput } from './program-output.ts';
export { diskFreeBytes, floorBytes, JobDiskSpace } from './disk.ts';
export { gpuTrialsFile, readGpuTrials, writeGpuTrials, type GpuTrials } from './gpu-trials.ts';
export { graphicsCards, vulkanDrivers } from './graphics-cards.ts';
export { pidfileKeeper, requireHome, watchHome } from './home-watch.ts';
export { probe, type Probe } from './health.ts';
export { nvidiaGpus, type NvidiaGpu } from './nvidia-gpus.ts';
export { tokenTrust, homeTrust, prepareHomeSecret } from './home-secret.ts';
export { isStackFrame, logText } from './log-text.ts';
export { followLog, MAX_LOG_BYTES, tailLog } from './logs.ts';
export { freeMemoryBytes, totalMemoryBytes } from './memory.ts';
export { ensureDirectory, homePaths, type HomePaths } from './paths.ts';
export {
  isAlive,
  listPidfiles,
  readPidfile,
  removePidfile,
  writePidfile,
  type Pidfile,
  type PidfileRead,
  type ProcessIdentity,
} from './pidfile.ts';
export { bindFirstFree, firstFreePort, hivePort, queenPort, workerPorts, type PortRange } from './ports.ts';
export { killGroupOf } from './process-group.ts';
export { processStart } from './process-start.ts';
export { reportFailure, reportReady, reportStep } from './report-start.ts';
export { Reserve, reservesOf } from './reserve.ts';
export { onShutdown } from './shutdown.ts';
export type { Readiness, StartStep } from './start-message.ts';
export { rbeeEntry, signalThatEndedStart, startDaemon, type DaemonStart, type Ending, type StartedDaemon } from './start.ts';
export { ownToken, requireOwnToken, requireToken } from './token.ts';
export { stopProcess, whenEnded, type StopOutcome } from './stop.ts';
