/** What begins and what ends the reasoning in an answer. */
export interface ReasoningTags {
  open: string;
  close: string;
}

const KNOWN: ReasoningTags[] = [
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<|START_THINKING|>', close: '<|END_THINKING|>' },
  { open: '<|inner_prefix|>', close: '<|inner_suffix|>' },
  { open: '<|thought_start|>', close: '<|thought_end|>' },
  { open: '<|channel>thought\n', close: '<channel|>' },
  { open: '<|channel|>analysis<|message|>', close: '<|end|>' },
  { open: '<|open|>think<|sep|>', close: '<|close|>think<|sep|>' },
  { open: '<|think|>', close: '<|end|>' },
];

/** `</think>`, with the prefixes and suffixes that some models put to it. */
const CLOSING_TAG = /<\/((?:\w+:)?think(?:ing)?(?::\w+)?)>/;

/** The tags that a template, or a prompt that it made, has in it. */
export function reasoningOf(...texts: readonly string[]): ReasoningTags | undefined {
  const all = texts.join('\n').replaceAll(/\{#.*?#\}/gs, '');
  const known = KNOWN.find(({ open, close }) => all.includes(open.trim()) && all.includes(close));
  if (known) return known;
  const [, name] = CLOSING_TAG.exec(all) ?? [];
  return name === undefined ? undefined : { open: `<${name}>`, close: `</${name}>` };
}

/** True when the reasoning in a text is not at its end. */
export function isOpen(text: string, tags: ReasoningTags | undefined): boolean {
  return tags !== undefined && text.lastIndexOf(tags.open) > text.lastIndexOf(tags.close);
}
