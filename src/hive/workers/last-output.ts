import { JobError, LAST_WORDS_LIMIT_CHARS } from '../../contract/index.ts';
import { isStackFrame, logText, tailLog, type Ending } from '../../daemon/index.ts';

/** Lines read from the end of the log, to find those that matter. */
const LOG_LINES = 100;
const KEPT_LINES = 5;
const SEVERE_LEVELS: ReadonlySet<unknown> = new Set(['warn', 'error', 'fatal']);

export function howItEnded({ signal, exitCode }: Ending): string {
  return signal === null ? `exited with code ${exitCode}` : `was killed by ${signal}`;
}

export async function readLastOutput(logFile: string): Promise<string> {
  try {
    return lastOutputIn(await tailLog(logFile, LOG_LINES));
  } catch (cause) {
    return `Its log cannot be read: ${String(cause)}`;
  }
}

/** The lines of a log that say why its worker exited: those of the engine, which are plain text, and the worker's warnings and errors. */
export function lastOutputIn(lines: readonly string[]): string {
  return lines.flatMap(severeText).slice(-KEPT_LINES).join('\n').slice(-LAST_WORDS_LIMIT_CHARS);
}

export function workerDied(id: string, how: string, lastOutput: string | undefined): JobError {
  return new JobError('worker_died', `Worker '${id}' ${how}. ${outputText(lastOutput)}`);
}

/** For a request that names a worker after its exit: the same request cannot succeed later. */
export function workerGone(id: string, lastOutput: string | undefined): JobError {
  const restart = `Start it again: rbee worker restart ${id}`;
  return new JobError('worker_not_found', `Worker '${id}' has exited. ${restart}. ${outputText(lastOutput)}`);
}

function outputText(lastOutput: string | undefined): string {
  return lastOutput === undefined || lastOutput === '' ? 'It printed nothing.' : `Last output: ${lastOutput}`;
}

function severeText(line: string): string[] {
  if (!line.startsWith('{')) return line.trim() === '' || isStackFrame(line) ? [] : [line];
  try {
    const { level } = JSON.parse(line) as { level?: unknown };
    return SEVERE_LEVELS.has(level) ? [logText(line)] : [];
  } catch {
    return [logText(line)]; // The process ended in the middle of the line.
  }
}
