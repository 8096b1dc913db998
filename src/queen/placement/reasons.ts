import { DEFAULT_CONTEXT_TOKENS, formatBytes, type Candidate, type Device, type Model } from '../../contract/index.ts';
import { hasDiskFor, originOf, availableBytes } from './choose-device.ts';
import { evictable } from './choose-evictions.ts';
import { isLargeEnough, isReady, isUsable, slotsUsed } from './choose-worker.ts';
import { deviceName, isDevice } from './device-name.ts';
import type { IndexedHive, IndexedWorker } from './fleet-index.ts';
import { isWanted, isWantedDevice, needBytes, whyUnusable, type Question } from './question.ts';
import { occupied } from './wait-for-memory.ts';

type Judged = Pick<Candidate, 'hive_id' | 'device' | 'worker_id' | 'reason'> & { isPossible: boolean };

/** Every place where a request could run, with the reason for or against it. Lazy: sentences are built only when they are read. */
export function* judgeAll(question: Question): Generator<Judged> {
  const origin = originOf(question);
  for (const hive of question.fleet.hives) yield* judgeHive(hive, question, origin);
}

function* judgeHive(hive: IndexedHive, question: Question, origin: Model | undefined): Generator<Judged> {
  const whole = judgeWhole(hive, question);
  if (whole !== undefined) {
    yield { hive_id: hive.hive_id, device: '*', ...whole };
    return;
  }
  const { model, worker_id } = question.request;
  const isMeant = (worker: IndexedWorker) => (worker_id === undefined ? worker.model === model : worker.worker_id === worker_id);
  const there = hive.workers.filter((worker) => isMeant(worker) && worker.state !== 'exited');
  const meant = there.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  for (const worker of meant) yield judgeWorker(worker, question);
  if (worker_id !== undefined) return;
  for (const device of hive.report?.devices ?? []) {
    // A worker that is being evicted frees the device for others.
    if (meant.some((worker) => isDevice(device, worker) && isUsable(worker, question) && isLargeEnough(worker, question)))
      continue;
    yield { hive_id: hive.hive_id, device: deviceName(device), ...judgeDevice(hive, device, { question, origin }) };
  }
}

/** A reason that applies to all devices of the hive. */
function judgeWhole(hive: IndexedHive, question: Question): Pick<Judged, 'reason' | 'isPossible'> | undefined {
  if (!isWanted(hive, question)) return no(`the request is for hive '${question.request.hive_id ?? ''}'`);
  const why = whyUnusable(hive, question);
  if (why !== undefined) return no(why);
  if (hive.state === 'asleep') return yes('asleep; it is started when a request needs it');
  return hive.report === undefined && hive.byId.size === 0 ? no('has not reported its devices and models yet') : undefined;
}

function judgeWorker(worker: IndexedWorker, question: Question): Judged {
  const { hive_id, worker_id, slots, state } = worker;
  const place = { hive_id, worker_id, device: deviceName(worker) };
  if (question.request.worker_id === undefined && !isWantedDevice(worker, question)) return { ...place, ...notWanted(question) };
  if (!isUsable(worker, question)) return { ...place, ...no(isReady(worker) ? 'is being evicted' : `is ${state}`) };
  const { context } = question.request;
  if (!isLargeEnough(worker, question))
    return { ...place, ...no(`holds ${worker.context ?? DEFAULT_CONTEXT_TOKENS} tokens, and the request needs ${context}`) };
  if (!isReady(worker)) return { ...place, ...yes('is loading the model') };
  const used = slotsUsed(worker);
  const seen = question.request.affinity?.get(worker.key);
  const slotWords = used >= slots ? `all ${slots} slots are taken` : `${used} of ${slots} slots taken`;
  const seenWords = seen === undefined ? '' : `, has the first ${seen} characters in its cache`;
  return { ...place, ...yes(`loaded, ${slotWords}${seenWords}${speedWords(worker, question)}`) };
}

function speedWords({ key }: IndexedWorker, { memory: { speeds } }: Question): string {
  const speed = speeds.learned(key);
  return speed === undefined ? '' : `, ${speed.toFixed(speed < 10 ? 1 : 0)} tok/s`;
}

function judgeDevice(
  hive: IndexedHive,
  device: Device,
  { question, origin }: { question: Question; origin: Model | undefined },
): Pick<Judged, 'reason' | 'isPossible'> {
  if (!isWantedDevice(device, question)) return notWanted(question);
  if (device.usable === false)
    return no(device.problem ?? `its engine or its driver for ${device.worker} is not installed there`);
  const held = question.holders.get(hive);
  const model = held ?? origin;
  if (model === undefined) return no('the model is not on its disk');
  if (held === undefined && !hasDiskFor(hive, model.size_bytes))
    return no('the model is not on its disk, which has too little free space for it');
  const bytes = needBytes(model, device, question);
  if (device.memory_bytes < bytes)
    return no(`too small: ${formatBytes(bytes)} needed, ${formatBytes(device.memory_bytes)} in all`);
  const room = availableBytes(hive, device, question);
  const words = `${formatBytes(bytes)} needed, ${formatBytes(Math.max(0, room))} free`;
  const fetched = held === undefined ? '; the model would be downloaded first' : '';
  if (room >= bytes) return yes(`${words}${fetched}`);
  if (held === undefined) return no(words);
  const ended = evictable(hive, device, { bytes, isMore: false, question });
  if (ended !== undefined) return yes(`${words}; ${namesOf(ended)} would be evicted`);
  const busy = occupied(hive, device, { bytes, question })?.workers;
  return busy === undefined
    ? no(words)
    : yes(`${words}; it would wait until ${busy.length === 0 ? 'others have' : `${namesOf(busy)} has`} ended`);
}

function namesOf(workers: readonly IndexedWorker[]): string {
  return workers.map(({ worker_id }) => worker_id).join(', ');
}

function notWanted({ request }: Question): Pick<Judged, 'reason' | 'isPossible'> {
  return no(`the request is for ${request.device ?? ''}`);
}

function yes(reason: string): Pick<Judged, 'reason' | 'isPossible'> {
  return { reason, isPossible: true };
}

function no(reason: string): Pick<Judged, 'reason' | 'isPossible'> {
  return { reason, isPossible: false };
}
