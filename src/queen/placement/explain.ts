import { formatBytes, JobError, type Candidate, type Explanation, type InputOf, type Run } from '../../contract/index.ts';
import { slotsUsed } from './choose-worker.ts';
import { deviceName } from './device-name.ts';
import type { Fleet } from './fleet.ts';
import { FleetIndex } from './fleet-index.ts';
import { decide } from './place.ts';
import { NO_MEMORY, type Placement, type PlacementMemory, type PlacementRequest } from './placement.ts';
import { asQuestion } from './question.ts';
import { judgeAll } from './reasons.ts';
import { isClaimed, memoryWaitWords } from './wait-for-memory.ts';

/** Candidates listed for a large fleet: the chosen one, then the possible ones. */
const CANDIDATES_SHOWN = 500;

/** The owner of the fleet and of what the queen remembers of it. */
export interface Explains {
  explain(input: InputOf<'explain'>, signal: AbortSignal): Explanation | Promise<Explanation>;
}

/** The operation `explain`. It starts and reserves nothing: the answer is true only for the moment. */
export function createExplain(view: Explains): Run<'explain'> {
  return async function* (input, { signal }) {
    return view.explain(input, signal);
  };
}

/** For a request that is refused before it is placed. */
export function refusedBecause({ code, message }: JobError, { model }: PlacementRequest): Explanation {
  return { model, decision: 'refuse', says: message, code, candidates: [] };
}

/** The decision for a request, and the reason against every other place. */
export function explain(request: PlacementRequest, fleet: Fleet, memory: PlacementMemory = NO_MEMORY): Explanation {
  const question = asQuestion(request, FleetIndex.of(fleet), memory);
  if (question instanceof JobError) return refusedBecause(question, request);
  const placement = decide(question);
  const { kind } = placement;
  const where = placeOf(placement);
  const candidates = [...judgeAll(question)].map(({ isPossible, ...judged }): Candidate => {
    const isChosen = where.hive_id === judged.hive_id && where.device === judged.device && where.worker_id === judged.worker_id;
    return { ...judged, verdict: isChosen ? 'chosen' : isPossible ? 'possible' : 'rejected' };
  });
  return {
    model: request.model,
    // In most cases, the hive is started in order to start a worker there.
    decision: kind === 'wake' ? 'spawn' : kind,
    says: says(placement, request),
    ...(placement.kind === 'refuse' ? { code: placement.error.code } : {}),
    ...where,
    candidates: candidates.sort((a, b) => RANK[a.verdict] - RANK[b.verdict]).slice(0, CANDIDATES_SHOWN),
  };
}

const RANK: Readonly<Record<Candidate['verdict'], number>> = { chosen: 0, possible: 1, rejected: 2 };

function placeOf(placement: Placement): Pick<Explanation, 'hive_id' | 'device' | 'worker_id'> {
  switch (placement.kind) {
    case 'worker': {
      const { hive_id, worker_id } = placement.worker;
      return { hive_id, device: deviceName(placement.worker), worker_id };
    }
    case 'wait': {
      const { hive_id, worker, room } = placement;
      if (room !== undefined) return { hive_id, device: deviceName(room.where) };
      return worker === undefined ? { hive_id } : { hive_id, device: deviceName(worker), worker_id: worker.worker_id };
    }
    case 'spawn':
    case 'download':
    case 'evict': {
      const { hive, where } = placement;
      return { hive_id: hive.hive_id, ...(where === undefined ? {} : { device: deviceName(where) }) };
    }
    case 'wake':
      return { hive_id: placement.hive.hive_id, device: '*' };
    case 'refuse':
      return {};
  }
}

/** The decision, as a sentence. */
export function says(placement: Placement, { model, affinity, ahead = 0 }: PlacementRequest): string {
  switch (placement.kind) {
    case 'worker': {
      const { worker } = placement;
      const why = affinity?.has(worker.key) ? ', with the beginning of this conversation in its cache' : '';
      const slots = `${slotsUsed(worker)} of ${worker.slots} slots taken`;
      return `It runs on worker ${worker.worker_id} of hive '${worker.hive_id}'${why} (${deviceName(worker)}, ${slots}).`;
    }
    case 'wait': {
      const queue = ahead === 0 ? '' : `, ${ahead} ahead`;
      if (placement.room !== undefined) return `It waits${queue} until ${memoryWaitWords(placement)}.`;
      if (isClaimed(placement)) return `It waits${queue}: ${placement.worker?.worker_id} is evicted for another model first.`;
      const who = placement.worker === undefined ? 'a worker' : `worker ${placement.worker.worker_id}`;
      return placement.isLoading
        ? `It waits${queue}: ${who} of hive '${placement.hive_id}' is being loaded with ${model}.`
        : `It waits for a slot${queue}: ${placement.slots === 1 ? 'the one slot' : `all ${placement.slots} slots`} for ${model} ${placement.slots === 1 ? 'is' : 'are'} taken.`;
    }
    case 'spawn': {
      const { hive, where, bytes } = placement;
      const need = bytes === 0 ? '' : `, which has the ${formatBytes(bytes)} that it needs`;
      return `Hive '${hive.hive_id}' starts a worker for ${model}${where === undefined ? '' : ` on ${deviceName(where)}`}${need}.`;
    }
    case 'download': {
      const { hive, where, origin } = placement;
      return `Hive '${hive.hive_id}' downloads ${model} from ${origin.source} and starts a worker on ${deviceName(where)}.`;
    }
    case 'evict': {
      const { hive, where, workers } = placement;
      const ended = workers.map(({ worker_id, model: held }) => `${worker_id} (${held})`).join(', ');
      return `Hive '${hive.hive_id}' evicts ${ended}, idle now, and starts a worker for ${model} on ${deviceName(where)}.`;
    }
    case 'wake': {
      const { hive_id, state } = placement.hive;
      return state === 'asleep'
        ? `Hive '${hive_id}' is asleep: it is started first, and the request is then placed.`
        : `Hive '${hive_id}' has not reported yet: the request is placed after its first report.`;
    }
    case 'refuse':
      return placement.error.message;
  }
}
