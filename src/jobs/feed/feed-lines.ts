import { isEventKind } from '../../contract/index.ts';
import type { LoggedEvent } from '../log/event-log.ts';
import type { Encoder } from '../server/sse.ts';
import type { StreamEvent } from '../client/stream-event.ts';

/*
 * The lines of a feed: `<tag> <seq> <kind> <json>`. The tag is the number under which the reading side follows a job: it
 * assigns an event to its job before the job's id is known.
 * `<tag> 0 lost {}` means that no more events follow although the job has no terminal event: its log has expired.
 * `ping` distinguishes a quiet feed from a dead one.
 */

/** On POST /v1/jobs: `<feed>/<tag>`, to follow the new job from its first event. On the feed itself: its id. */
export const FEED_HEADER = 'x-rbee-feed';
export const FEED_TYPE = 'application/x-rbee-feed';

export const PING_LINE = 'ping';
export const LOST = 'lost';

export interface FeedLine {
  tag: number;
  /** Undefined when the job is lost. */
  event: StreamEvent | undefined;
}

export function createFeedEncoder(tag: number): Encoder {
  return (events: readonly LoggedEvent[]) => {
    let text = '';
    for (const { seq, kind, json } of events) text += `${tag} ${seq} ${kind} ${json}\n`;
    return text;
  };
}

export function lostLine(tag: number): string {
  return `${tag} 0 ${LOST} {}\n`;
}

/** Undefined for a malformed line. The data of the event is not checked here: that is done where the job is followed. */
export function parseFeedLine(line: string): FeedLine | undefined {
  const afterTag = line.indexOf(' ');
  const afterSeq = line.indexOf(' ', afterTag + 1);
  const afterKind = line.indexOf(' ', afterSeq + 1);
  if (afterTag <= 0 || afterSeq <= 0 || afterKind <= 0) return undefined;
  const tag = Number(line.slice(0, afterTag));
  const seq = Number(line.slice(afterTag + 1, afterSeq));
  const kind = line.slice(afterSeq + 1, afterKind);
  if (!Number.isSafeInteger(tag) || !Number.isSafeInteger(seq)) return undefined;
  if (kind === LOST) return { tag, event: undefined };
  if (seq < 1 || !isEventKind(kind)) return undefined;
  return { tag, event: { seq, kind, json: line.slice(afterKind + 1) } };
}
