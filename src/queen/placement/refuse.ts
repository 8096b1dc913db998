import { formatBytes, hubIn, hubText, JobError, meantUrl, neitherNameNorPath, type HubReference } from '../../contract/index.ts';
import { nearest } from '../../jobs/index.ts';
import { originOf } from './choose-device.ts';
import { deviceName } from './device-name.ts';
import type { IndexedHive } from './fleet-index.ts';
import { isWanted, isWantedDevice, needBytes, whyUnusable, type Question } from './question.ts';
import { judgeAll } from './reasons.ts';

/** The message is a sentence and not a table: further reasons are only counted. */
const REASONS_SHOWN = 6;
const NAMES_SHOWN = 8;

/** Why a request can run nowhere: the most helpful reason first. */
export function refusal(question: Question): JobError {
  // After a failed attempt, its error says more than what is left.
  const isTried = (question.request.failedHives?.size ?? 0) > 0;
  return allOut(question) ?? (isTried ? undefined : whyNot(question)) ?? noRoom(question);
}

function whyNot(question: Question): JobError | undefined {
  return noDevice(question) ?? noModel(question) ?? tooLarge(question);
}

/** No hive can be used: whatever is missing may be there. */
function allOut(question: Question): JobError | undefined {
  const hives = wantedHives(question);
  const [first] = hives;
  if (first === undefined || hives.some((hive) => whyUnusable(hive, question) === undefined)) return undefined;
  const isAllStopped = hives.every(({ isStopped }) => isStopped === true);
  const why = (hive: IndexedHive) => (isAllStopped ? 'is stopped' : whyUnusable(hive, question));
  const words = shortened(hives.map((hive) => `hive '${hive.hive_id}' ${why(hive) ?? ''}`));
  const code = isAllStopped ? 'hive_stopped' : 'hive_unreachable';
  return new JobError(code, `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`);
}

function noDevice(question: Question): JobError | undefined {
  const { device: wanted } = question.request;
  if (wanted === undefined) return undefined;
  const devices = wantedHives(question).flatMap((hive) => (hive.report?.devices ?? []).map((device) => ({ hive, device })));
  if (devices.some(({ device }) => isWantedDevice(device, question))) return undefined;
  const there = devices.map(({ hive, device }) => `${deviceName(device)} on ${hive.hive_id}`);
  const where = question.hive === undefined ? 'on any hive' : `on hive '${question.hive.hive_id}'`;
  return new JobError('device_not_found', `No device ${wanted} ${where}; there is ${shortened(there)}`);
}

function noModel(question: Question): JobError | undefined {
  const { fleet, request, holders } = question;
  const { model } = request;
  if (question.hive !== undefined && holders.size > 0 && !holders.has(question.hive) && originOf(question) === undefined) {
    const elsewhere = [...holders.keys()].map(({ hive_id }) => hive_id).toSorted();
    return notFound(`Hive '${question.hive.hive_id}' has no model '${model}', but ${shortened(elsewhere)} has`);
  }
  if (holders.size > 0) return undefined;
  // A URL may contain a password: it is not repeated.
  if (/^[a-z]+:\/\//i.test(model))
    return notFound('A URL is not a model name: download it first (rbee pull <url>), then use its name');
  const hub = hubIn(model);
  if (hub !== undefined) return notFound(notPulled(hub, fleet.modelNames()));
  const meant = meantUrl(model);
  if (meant !== undefined)
    return notFound(`No hive has a model '${model}'. If it is a URL, download it first: rbee pull ${meant}`);
  if (model.includes('/')) return notFound(neitherNameNorPath(model));
  const names = fleet.modelNames().toSorted();
  const close = nearest(model, names);
  const next = close === undefined ? `Available: ${shortened(names, NAMES_SHOWN)}` : `Did you mean ${close}?`;
  return notFound(`No hive has a model '${model}'. ${next}`);
}

/** A model of the Hub, and what is here of the same repository. */
function notPulled(hub: HubReference, names: readonly string[]): string {
  const text = hubText(hub);
  const repo = `${hub.repo}:`.toLowerCase();
  const near = names.filter((name) => name.toLowerCase().startsWith(repo)).toSorted();
  const have = near.length === 0 ? '' : ` There is ${shortened(near, NAMES_SHOWN)}.`;
  return `No hive has a model '${text}'.${have} Download it: rbee pull ${text}`;
}

/** Too large even for an empty device. */
function tooLarge(question: Question): JobError | undefined {
  const { holders, request } = question;
  const origin = originOf(question);
  let least = Infinity;
  let largest = 0;
  for (const hive of wantedHives(question)) {
    const model = holders.get(hive) ?? origin;
    if (model === undefined) continue;
    // A hive that has not reported yet may be large enough.
    if (hive.report === undefined) return undefined;
    for (const device of hive.report.devices) {
      if (!isWantedDevice(device, question)) continue;
      const bytes = needBytes(model, device, question);
      if (device.memory_bytes >= bytes) return undefined;
      least = Math.min(least, bytes);
      largest = Math.max(largest, device.memory_bytes);
    }
  }
  if (least === Infinity) return undefined;
  const context = request.context === undefined ? '' : ` with a context of ${request.context} tokens`;
  const words = `Model '${request.model}' needs about ${formatBytes(least)}${context}; the largest device that it may use has ${formatBytes(largest)}`;
  return new JobError('model_too_large', words);
}

function noRoom(question: Question): JobError {
  const reasons: string[] = [];
  let rest = '';
  // Further places are not even judged: a large fleet that is full refuses often.
  for (const { hive_id, device, reason } of judgeAll(question)) {
    if (reasons.length === REASONS_SHOWN) rest = '; and more';
    if (rest !== '') break;
    reasons.push(`${device === '*' ? hive_id : `${hive_id} ${device}`}: ${reason}`);
  }
  return new JobError('no_room', `No free memory for '${question.request.model}' now (${reasons.join('; ')}${rest})`);
}

function wantedHives(question: Question): IndexedHive[] {
  return question.fleet.hives.filter((hive) => isWanted(hive, question));
}

function shortened(words: readonly string[], shown = REASONS_SHOWN): string {
  const more = words.length - shown;
  return `${words.slice(0, shown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function notFound(sentence: string): JobError {
  return new JobError('model_not_found', sentence);
}
