export { askProgram } from './ask-program.ts';
export { diskFreeBytes } from './disk.ts';
export { graphicsCards, vulkanDrivers } from './graphics-cards.ts';
export { probe, type Presence } from './health.ts';
export { logWords } from './log-words.ts';
export { followLog, tailLog } from './logs.ts';
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
export { processStart } from './process-start.ts';
export { reportFailure, reportReady, reportStep } from './report-start.ts';
export { onShutdown } from './shutdown.ts';
export type { Readiness, StartStep } from './start-message.ts';
export { rbeeEntry, startDaemon, type DaemonStart, type Ending, type StartedDaemon } from './start.ts';
export { stopProcess, whenEnded, type StopOutcome } from './stop.ts';
