import type { ToolCall } from '../../contract/index.ts';
import { oneLine } from './width.ts';

/** A call of a tool in one line: 'get_weather {"city":"Oslo"}'. */
export function callLine({ name, arguments: text }: ToolCall): string {
  return `${oneLine(name)} ${compact(text)}`.trimEnd();
}

/** A model may have written its JSON over several lines, or JSON that cannot be parsed. */
function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return oneLine(text);
  }
}
