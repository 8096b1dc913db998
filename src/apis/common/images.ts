import type { ChatMessage, ContentPart } from '../../contract/index.ts';
import { capabilitiesOf, type FleetModels } from './model-names.ts';
import { RequestError } from './request-error.ts';

type ImagePart = Extract<ContentPart, { type: 'image' }>;

const places = new WeakMap<ContentPart, string>();

/** @param place of the image in the request, for the error of a model that cannot see it */
export function imageAt(place: string, image: Omit<ImagePart, 'type'>): ContentPart {
  const part: ContentPart = { type: 'image', ...image };
  places.set(part, place);
  return part;
}

/**
 * Refuses images before a model is loaded for them.
 * @param model as the fleet knows it. Of one that no hive has reported, the worker decides.
 * @throws RequestError
 */
export function requireSight(messages: readonly ChatMessage[] | undefined, model: string, models: FleetModels): void {
  const parts = messages?.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  const image = parts?.find(({ type }) => type === 'image');
  if (image === undefined) return;
  const known = models.list().find((each) => each.model.model === model);
  if (known === undefined || capabilitiesOf(known.model).includes('vision')) return;
  throw new RequestError(places.get(image) ?? 'messages', 'this model cannot see images here');
}
