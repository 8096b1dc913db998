/**
 * How a model writes answers in messages of several channels (OpenAI's harmony): `start`, a header, `message`, a text, and one of the ends.
 * The header names a channel and, for a call, its recipient.
 */
export interface ChannelForm {
  start: string;
  channel: string;
  message: string;
  /** Behind it is the type of a call's arguments. */
  type: string;
  ends: readonly string[];
  /** The channel of reasoning; all others are text. */
  reasoning: string;
  /** The channel of the answer, and the header of its message. */
  text: string;
  final: string;
  /** The beginning of a call, in a header of the model's own and in one that is written for it. */
  recipient: string;
  call: string;
}

export const HARMONY: ChannelForm = {
  start: '<|start|>assistant',
  channel: '<|channel|>',
  message: '<|message|>',
  type: '<|constrain|>',
  ends: ['<|end|>', '<|call|>', '<|return|>'],
  reasoning: 'analysis',
  text: 'final',
  final: '<|channel|>final<|message|>',
  recipient: 'to=functions.',
  call: '<|channel|>commentary to=functions.',
};

/** The channels of a template that writes this before the text of an answer. */
export function channelsBefore(introduction: string): ChannelForm | undefined {
  return introduction.endsWith(HARMONY.start + HARMONY.final) ? HARMONY : undefined;
}

export function channelMarks({ channel, message, type, ends, start }: ChannelForm): string[] {
  return [start, channel, message, type, ...ends];
}
