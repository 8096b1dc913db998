import { JobError, LAST_WORDS_LIMIT_CHARS } from '../../contract/index.ts';
import { isStackFrame, logWords, tailLog, type Ending } from '../../daemon/index.ts';

/** Read from the end of a dead worker's log, to find its last words among what it said in passing. */
const LOG_LINES = 100;
const LAST_WORDS_LINES = 5;
const GRAVE_LEVELS: ReadonlySet<unknown> = new Set(['warn', 'error', 'fatal']);

export function howItEnded({ signal, exitCode }: Ending): string {
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
}

export async function readLastWords(logFile: string): Promise<string> {
  try {
    return lastWordsIn(await tailLog(logFile, LOG_LINES));
  } catch (cause) {
    return `Its log cannot be read: ${String(cause)}`;
  }
}

/** What a dead worker's log says of its death: the engine's own lines, which are plain text, and what the worker found grave. */
export function lastWordsIn(lines: readonly string[]): string {
  return lines.flatMap(graveWords).slice(-LAST_WORDS_LINES).join('\n').slice(-LAST_WORDS_LIMIT_CHARS);
}

export function workerDied(id: string, how: string, lastWords: string | undefined): JobError {
  const words = lastWords === undefined || lastWords === '' ? 'It left no last words.' : `Its last words: ${lastWords}`;
  return new JobError('worker_died', `Worker '${id}' ${how}. ${words}`);
}

function graveWords(line: string): string[] {
  if (!line.startsWith('{')) return line.trim() === '' || isStackFrame(line) ? [] : [line];
  try {
    const { level } = JSON.parse(line) as { level?: unknown };
    return GRAVE_LEVELS.has(level) ? [logWords(line)] : [];
  } catch {
    return [logWords(line)]; // Half a line: all that it could still say.
  }
}
