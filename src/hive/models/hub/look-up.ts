import { JobError, parseModelReference, type OutputOf } from '../../../contract/index.ts';
import type { DownloadParts } from '../download-parts.ts';
import { candidatesOf, isWhole } from './candidates.ts';
import { choose, needOf } from './choose.ts';
import { hubHosts } from './endpoint.ts';
import { connectHub, type FoundModel, type Search } from './hub-client.ts';

/** @throws JobError invalid_input for what is no repository; why the Hub does not answer */
export async function listHubModels(parts: DownloadParts, name: string, signal: AbortSignal): Promise<OutputOf<'model_files'>> {
  const reference = parseModelReference(name, hubHosts());
  if (reference.kind !== 'hub')
    throw new JobError(
      'invalid_input',
      `'${name.slice(0, 200)}' is no repository of the Hub: write org/repo. A model that is here: rbee model get`,
    );
  await using client = await connectHub(parts);
  const { repo, commit } = await client.revision(reference.hub.repo, reference.hub.revision, signal);
  const candidates = candidatesOf(await client.files({ repo, commit }, signal));
  const largestBytes = await parts.largestDeviceBytes();
  const byDefault = candidates.some(isWhole) ? choose(candidates, { repo }, largestBytes).candidate : undefined;
  const models = candidates.map((each) => ({
    ...{
      model: `${repo}:${each.tag}`,
      quantization: each.tag,
      size_bytes: each.sizeBytes,
      parts: each.parts,
      whole: isWhole(each),
    },
    ...(largestBytes === undefined ? {} : { fits: needOf(each) <= largestBytes }),
    ...(each === byDefault ? { default: true } : {}),
  }));
  return { repo, revision: commit, models, ...(largestBytes === undefined ? {} : { largest_device_bytes: largestBytes }) };
}

/** @throws JobError why the Hub does not answer */
export async function searchHub(parts: DownloadParts, search: Search, signal: AbortSignal): Promise<FoundModel[]> {
  await using client = await connectHub(parts);
  return await client.search(search, signal);
}
