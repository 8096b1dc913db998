import type { ChatMessage, ContentPart } from '../../contract/index.ts';
import { imageAt, RequestError } from '../common/index.ts';

type Part = Record<string, unknown> & { type: string };

/** The content of a message: text alone as a string, with nothing between its parts. @param place of the content, for errors */
export function contentOf(content: string | readonly Part[], place: string): ChatMessage['content'] {
  if (typeof content === 'string') return content;
  const parts = content.map((part, index) => partOf(part, `${place}[${index}]`));
  return parts.every((part) => part.type === 'text') ? parts.map(({ text }) => text).join('') : parts;
}

function partOf(part: Part, place: string): ContentPart {
  switch (part.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: textIn(part['text'], `${place}.text`) };
    case 'refusal':
      return { type: 'text', text: textIn(part['refusal'], `${place}.refusal`) };
    case 'image_url':
    case 'input_image':
      return imageOf(part['image_url'], `${place}.image_url`);
    default:
      throw new RequestError(place, `this model cannot read content of type '${part.type.slice(0, 50)}'`);
  }
}

function textIn(value: unknown, place: string): string {
  if (typeof value === 'string') return value;
  throw new RequestError(place, 'must be a string');
}

/** An image is part of the request: nothing is fetched. */
function imageOf(value: unknown, place: string): ContentPart {
  const url = typeof value === 'object' && value !== null && 'url' in value ? value.url : value;
  const found = typeof url === 'string' ? /^data:([^;,]{1,128});base64,(.*)$/s.exec(url) : null;
  const [, type, data] = found ?? [];
  if (type === undefined || data === undefined)
    throw new RequestError(place, 'must be a data: URL in base64; other URLs are not fetched');
  return imageAt(place, { media_type: type, data });
}
