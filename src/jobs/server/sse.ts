import { DONE, isTerminal, printable, WholeCharacters, parseJson } from '../../contract/index.ts';
import type { LoggedEvent } from '../log/event-log.ts';

export const PING = ': ping\n\n';
export const CLOSING = `data: ${DONE}\n\n`;

export type Encoder = (events: readonly LoggedEvent[]) => string;

/** The protocol: every event with its id, so that a stream can be taken up again. */
export const encodeSse: Encoder = (events) => {
  let text = '';
  for (const { seq, kind, json } of events) text += `id: ${seq}\nevent: ${kind}\ndata: ${json}\n\n`;
  return text;
};

/**
 * For people with curl: narration as `[actor] human`, then the answer as it comes, no ids. It is made to be read in a terminal, and so
 * it is made safe for one; what was said to the byte is in the events of the protocol. Use one for a whole stream.
 */
export function createTextEncoder(): Encoder {
  let sawToken = false;
  const pieces = new WholeCharacters();
  return (events) => {
    let text = '';
    for (const event of events) {
      const isToken = event.kind === 'token';
      sawToken ||= isToken;
      const shown = asText(event, sawToken);
      if (isToken) text += inLines(pieces.next(shown ?? ''));
      else if (shown !== undefined || isTerminal(event.kind)) text += inLines(pieces.rest()) + inLines(shown ?? '');
    }
    return text;
  };
}

/** One message of SSE, in which each line is a field. */
function inLines(text: string): string {
  if (text === '') return '';
  const lines = printable(text.replaceAll(/\r\n?/g, '\n')).split('\n');
  return `${lines.map((line) => `data: ${line}\n`).join('')}\n`;
}

function asText({ kind, json }: LoggedEvent, sawToken: boolean): string | undefined {
  const data = parseJson(json) as Record<string, unknown> | undefined;
  // Logs are kept for days, and an older version checked less of what it put into them.
  if (data === undefined) return undefined;
  switch (kind) {
    case 'narration':
      return `[${String(data['actor'])}] ${String(data['human'])}`;
    case 'token':
      return String(data['text']);
    case 'log':
      return String(data['line']);
    case 'tool_call':
      return `[call ${String(data['name'])}]`;
    case 'progress':
    case 'prompt':
    case 'reasoning':
    case 'tool_arguments':
      return undefined;
    case 'result':
      if (typeof data['text'] === 'string') return sawToken ? undefined : data['text'];
      return JSON.stringify(data);
    case 'failed':
      return `[${String(data['origin'])}] Error: ${String(data['message'])}`;
    case 'cancelled':
      return `Cancelled: ${String(data['reason'])}`;
  }
}
