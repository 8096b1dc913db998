import {
  failed,
  isErrorCode,
  JobError,
  operations,
  type InputOf,
  type OperationName,
  type OutputOf,
} from '../../contract/index.ts';
import { newCorrelationId, postJob, readStream, type Peer } from '../../jobs/client.ts';

/** Runs an operation on a queen that is awake and returns its output; its narration is not shown. */
export async function askQueen<K extends OperationName>(
  queen: Peer,
  { operation, input, signal }: { operation: K; input: InputOf<K>; signal: AbortSignal },
): Promise<OutputOf<K>> {
  const jobId = await postJob(queen, { operation, input, correlationId: newCorrelationId(), signal });
  for await (const { kind, json } of readStream(queen, jobId, { after: 0, signal })) {
    if (kind === 'failed') throw failure(json);
    if (kind === 'result') return outputFrom(operation, json);
  }
  throw new JobError('queen_bad_response', `The queen ended job '${jobId}' without a result`);
}

function failure(json: string): JobError {
  const { code, message, origin } = failed.parse(JSON.parse(json));
  return new JobError(isErrorCode(code) ? code : 'queen_bad_response', message, { origin });
}

function outputFrom<K extends OperationName>(operation: K, json: string): OutputOf<K> {
  const parsed = operations[operation].output.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data as OutputOf<K>;
  throw new JobError('queen_bad_response', `The queen returned a malformed result of ${operation}`, { cause: parsed.error });
}
