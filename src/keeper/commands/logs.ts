import { isTerminal, JobError, jobRecord, type JobRecord } from '../../contract/index.ts';
import { call, readStream, type Peer } from '../../jobs/client.ts';
import { jobIdOf } from '../queen/job-id.ts';
import { reachForReading } from '../queen/reach-for-reading.ts';
import { shown } from '../run-job.ts';
import type { Session } from '../session.ts';

/** The events so far arrive at once; after a silence this long, the next event is still to come. */
const SILENCE_MS = 250;
/** The same before the first event, while the connection is opened. */
const FIRST_SILENCE_MS = 1_000;
/** The replay of a job that never falls silent ends after this. */
const REPLAY_DEADLINE_MS = 2_000;

/** Shows a job's events again, as the command that created it did. Never cancels the job. */
export async function logs(session: Session, job: string, { follow }: { follow?: boolean }): Promise<number> {
  const { view, interrupt } = session;
  const queen = await reachForReading(session);
  const jobId = await jobIdOf(queen, job, interrupt.signal);
  const { operation, state } = await jobOf(queen, jobId, interrupt.signal);
  const isRunning = state === 'queued' || state === 'running';
  const left = AbortSignal.any([interrupt.signal, view.gone]);
  const replayed = new AbortController();
  const signal = isRunning && !follow ? AbortSignal.any([left, replayed.signal]) : left;
  const deadline = performance.now() + REPLAY_DEADLINE_MS;
  let silence = setTimeout(() => replayed.abort(), FIRST_SILENCE_MS);
  try {
    for await (const event of readStream(queen, jobId, { after: 0, signal })) {
      clearTimeout(silence);
      await view.event(shown(event, operation));
      if (isTerminal(event.kind)) return 0;
      if (performance.now() > deadline) replayed.abort();
      silence = setTimeout(() => replayed.abort(), SILENCE_MS);
    }
  } catch (cause) {
    if (!signal.aborted) throw cause;
  } finally {
    clearTimeout(silence);
  }
  await view.endAnswer();
  if (!left.aborted)
    await view.narrate({ action: 'logs', human: `the job is ${state}; follow it: rbee logs -f ${jobId}`, jobId }, '');
  return interrupt.exitCode ?? 0;
}

async function jobOf(queen: Peer, jobId: string, signal: AbortSignal): Promise<JobRecord> {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}`;
  const answer = await call(queen, { method: 'GET', path, repeatable: true, signal });
  const parsed = jobRecord.safeParse(answer);
  if (!parsed.success) throw new JobError('queen_bad_response', 'The queen returned a malformed job', { cause: parsed.error });
  return parsed.data;
}
