import { setTimeout as delay } from 'node:timers/promises';

/** A queen that was killed is back well within this. */
const PATIENCE_MS = 40_000;
const ANSWER_DEADLINE_MS = 20_000;
const RETRY_MS = 50;

/** Creates the job, once, however often the queen dies meanwhile: the key stays the same. */
export async function postJob(port: number, request: object, key: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  const { status, text } = await call(port, '/v1/jobs', { method: 'POST', headers, body: JSON.stringify(request) });
  if (status !== 200) throw new Error(`a request was refused with ${status}: ${text}`);
  return (JSON.parse(text) as { job_id: string }).job_id;
}

/** @returns the HTTP status */
export async function cancelJob(port: number, jobId: string): Promise<number> {
  const { status } = await call(port, `/v1/jobs/${jobId}`, { method: 'DELETE' });
  return status;
}

async function call(port: number, path: string, request: RequestInit): Promise<{ status: number; text: string }> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        ...request,
        signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
      });
      return { status: answer.status, text: await answer.text() };
    } catch (cause) {
      if (Date.now() > deadline) throw new Error(`the queen does not answer: ${String(cause)}`, { cause });
      await delay(RETRY_MS);
    }
  }
}
