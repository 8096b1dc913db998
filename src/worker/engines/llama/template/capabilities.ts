import type { ToolForm } from '../../../../contract/index.ts';
import type { CallForm } from '../calls/call-form.ts';
import type { ChannelForm } from '../calls/channels.ts';
import type { ReasoningTags } from './reasoning-tags.ts';

/** What a chat template does with the parts of a conversation, found by rendering small ones. What it does not take is folded. */
export interface TemplateCapabilities {
  /** A system message at the start. */
  system: boolean;
  /** A system message between others, in its place. */
  laterSystem: boolean;
  /** Two user messages in a row. */
  adjacentUsers: boolean;
  adjacentAssistants: boolean;
  /** A conversation that the assistant starts. */
  assistantFirst: boolean;
  /** The variable `tools`; `with system` where they are only written after a system message. */
  tools: boolean | 'with system';
  /** Calls of tools in an assistant message: with their arguments as an object or as JSON text. False where they are left out. */
  calls: 'object' | 'text' | false;
  severalCalls: boolean;
  /** Calls are only written where the message has no content at all. */
  callsAlone: boolean;
  /** How calls are written in an answer. */
  callForm: CallForm | undefined;
  /** How answers are written that are messages in channels. */
  channels: ChannelForm | undefined;
  /** The role `tool`, for the results of calls. */
  toolRole: boolean;
  /** A user message after the result of a call. */
  userAfterTool: boolean;
  /** Ids of calls have to be nine letters or digits. */
  shortCallIds: boolean;
  /** `parts` where a template insists on a list of parts. */
  content: 'text' | 'parts';
  /** The member of a message with its reasoning, where a template writes earlier reasoning. */
  reasoningMember: string | undefined;
  /** The variable that turns reasoning on and off, and what holds without it. */
  reasoningSwitch: { variable: string; isOn: boolean } | undefined;
  /** The variable `reasoning_effort`. */
  reasoningEffort: boolean;
  /** What is around the reasoning in an answer, where the template knows of reasoning. */
  reasoningTags: ReasoningTags | undefined;
}

/** What kind of form the calls of tools have, in a word. */
export function toolFormOf({ channels, callForm }: Pick<TemplateCapabilities, 'channels' | 'callForm'>): ToolForm {
  if (channels !== undefined) return 'channels';
  if (callForm === undefined) return 'generic';
  return callForm.parameters === undefined ? 'json' : 'parameters';
}

/** Every template takes this: a user message, and from then on one of each in turn. */
export const PLAIN: TemplateCapabilities = {
  system: false,
  laterSystem: false,
  adjacentUsers: false,
  adjacentAssistants: false,
  assistantFirst: false,
  tools: false,
  calls: false,
  severalCalls: false,
  callsAlone: false,
  callForm: undefined,
  channels: undefined,
  toolRole: false,
  userAfterTool: false,
  shortCallIds: false,
  content: 'text',
  reasoningMember: undefined,
  reasoningSwitch: undefined,
  reasoningEffort: false,
  reasoningTags: undefined,
};
