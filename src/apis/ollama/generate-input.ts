import { RequestError } from '../common/index.ts';
import { answerInputOf, contentOf, type InferInput } from './answer-input.ts';
import type { ChatMessage } from '../../contract/index.ts';
import type { GenerateBody } from './body.ts';

/** The request of a job for a body of /api/generate that has a prompt. @throws JobError invalid_input */
export function generateInputOf(body: GenerateBody): InferInput {
  const { prompt, system, suffix, images, raw, template, context } = body;
  const text = prompt ?? '';
  if (typeof template === 'string' && template !== '')
    throw new RequestError('template', "the model's own template is used; send 'raw' for none");
  if (context !== undefined && context !== null && context.length > 0)
    throw new RequestError('context', 'conversations are not kept as tokens here: use /api/chat');
  const answer = answerInputOf(body);
  if (typeof suffix === 'string' && suffix !== '') return { ...answer, prompt: text, raw: true, suffix };
  if (raw === true) return { ...answer, prompt: text, raw };
  const user: ChatMessage = { role: 'user', content: contentOf(text, images, 'images') };
  const isSystem = typeof system === 'string' && system !== '';
  return { ...answer, messages: isSystem ? [{ role: 'system', content: system }, user] : [user] };
}
