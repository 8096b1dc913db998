import { MESSAGE_LIMIT_CHARS, type Progress } from '../contract/index.ts';
import { log } from './log.ts';
import { currentJob } from './voice.ts';

/**
 * Says what is happening, once: to the readers of the current job and to the log.
 * `action` is a word for scripts, `human` a sentence for people. `detail` marks what people see only with -v, and the log only
 * with RBEE_LOG=debug: most of it is said of every request.
 */
export function narrate(action: string, human: string, options: { detail?: boolean } = {}): void {
  const job = currentJob();
  const said = human.slice(0, MESSAGE_LIMIT_CHARS);
  log[options.detail ? 'debug' : 'info']({ action }, said);
  job?.emit({
    kind: 'narration',
    data: {
      actor: job.actor,
      action,
      human: said,
      job_id: job.jobId,
      correlation_id: job.correlationId,
      at: new Date().toISOString(),
      ...(options.detail ? { detail: true } : {}),
    },
  });
}

/** Says how far a long step has come. Readers only: a log line for each would drown the rest. */
export function reportProgress(progress: Progress): void {
  currentJob()?.emit({ kind: 'progress', data: progress });
}
