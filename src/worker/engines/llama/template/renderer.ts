/**
 * The program of the thread that renders: a file of its own in dist/. The first message that arrives is the template, and is answered with
 * what it takes; then each conversation that arrives is answered with its prompt, or with why the template refuses it.
 */
import { parentPort } from 'node:worker_threads';
import { Template } from '../jinja/template.ts';
import { PLAIN, type TemplateCapabilities } from './capabilities.ts';
import type { Conversation } from './conversation.ts';
import { probe } from './probe.ts';
import { renderPrompt, type PromptText } from './prompt-text.ts';

export interface RendererData {
  template: string;
  /** The same in every prompt: `bos_token`, `eos_token`. */
  constants: Record<string, string>;
  /** The texts of tokens that end an answer. */
  ends: string[];
  /** What an earlier thread found. */
  capabilities: TemplateCapabilities | undefined;
  longestText: number;
  longestRefusal: number;
}

export type RendererAnswer = { capabilities: TemplateCapabilities } | { prompt: PromptText } | { refusal: string };

const answer = (message: RendererAnswer) => parentPort?.postMessage(message);

parentPort?.once('message', (data: RendererData) => {
  const { template: source, constants, ends, capabilities, longestText, longestRefusal } = data;
  const refuse = (error: unknown) =>
    answer({ refusal: (error instanceof Error ? error.message : String(error)).slice(0, longestRefusal) });
  try {
    const template = new Template(source);
    const found = capabilities ?? probe(template, { source, constants, ends });
    const writer = { template, constants, capabilities: found, longest: longestText };
    parentPort?.on('message', (conversation: Conversation) => {
      try {
        answer({ prompt: renderPrompt(conversation, writer) });
      } catch (error) {
        refuse(error);
      }
    });
    answer({ capabilities: found });
  } catch (error) {
    parentPort?.on('message', () => refuse(error));
    answer({ capabilities: PLAIN });
  }
});
