import { setImmediate as othersTurn } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import { Pace } from '../feed/pace.ts';
import { PROMPT_ANSWER_DEADLINE_MS, SILENCE_DEADLINE_MS } from '../limits.ts';
import { refusalIn } from './call.ts';
import { exchange } from './exchange.ts';
import type { Peer } from './peer.ts';
import { badResponse, DeadlineError } from './peer-errors.ts';
import { resumeStream, type StreamOptions } from './resume-stream.ts';
import type { StreamEvent } from './stream-event.ts';

/** The events of a job of a peer: see `resumeStream`. */
export function readStream(peer: Peer, jobId: string, options: StreamOptions): AsyncGenerator<StreamEvent, void, void> {
  const open = (after: number) => openStream(peer, jobId, { after, signal: options.signal });
  return resumeStream(peer, jobId, { ...options, open });
}

async function openStream(
  peer: Peer,
  jobId: string,
  { after, signal }: { after: number; signal: AbortSignal },
): Promise<AsyncIterable<string>> {
  const response = await exchange(peer, {
    method: 'GET',
    path: `/v1/jobs/${encodeURIComponent(jobId)}/stream`,
    headers: { accept: 'text/event-stream', 'last-event-id': String(after) },
    signal,
    answerWithinMs: PROMPT_ANSWER_DEADLINE_MS,
  });
  response.setTimeout(SILENCE_DEADLINE_MS, () => response.destroy(new DeadlineError('SILENCE_DEADLINE', SILENCE_DEADLINE_MS)));
  if (response.statusCode !== 200) throw await refusalIn(peer, response);
  if (!String(response.headers['content-type']).startsWith('text/event-stream')) {
    response.destroy();
    throw badResponse(peer, `The ${peer.role} answered with something that is not a stream of events`);
  }
  return piecesOf(response);
}

/** However fast a stream comes, other work gets its turn between two pieces. */
async function* piecesOf(response: IncomingMessage): AsyncGenerator<string, void, void> {
  response.setEncoding('utf8');
  const pace = new Pace(undefined, 0);
  for await (const piece of response as AsyncIterable<string>) {
    yield piece;
    if (pace.afterPiece(piece.length, 0) !== undefined) await othersTurn();
  }
}
