import { isUtf8 } from 'node:buffer';
import type { Item } from './responses-request.ts';

/** Before the text, in base64. Clients send it back as they got it; that of another server cannot be read. */
const OWN = 'rbee:';

/** Reasoning in the one field that every client sends back. It is not secret: the item has it as text too. */
export function encryptedContent(text: string): string {
  return Buffer.from(OWN + text).toString('base64');
}

/** The reasoning of an item that a client sends back; '' where there is none that can be read. */
export function readReasoning(item: Item): string {
  const parts = [item['content'], item['summary']].map(textIn);
  return parts.find((text) => text !== '') ?? decrypted(item['encrypted_content']);
}

function textIn(parts: unknown): string {
  if (!Array.isArray(parts)) return '';
  return parts.map((part: unknown) => (isText(part) ? part.text : '')).join('');
}

function isText(part: unknown): part is { text: string } {
  return typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string';
}

function decrypted(content: unknown): string {
  if (typeof content !== 'string') return '';
  const bytes = Buffer.from(content, 'base64');
  const text = isUtf8(bytes) ? bytes.toString() : '';
  return text.startsWith(OWN) ? text.slice(OWN.length) : '';
}
