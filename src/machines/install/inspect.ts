import { formatBytes, JobError } from '../../contract/index.ts';
import { layerNames, type Kit, type LayerName } from '../kit/index.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

/** The parts of a kit that are on the machine. */
export interface Found {
  /** The folder of the current version. */
  current: string | undefined;
  freeBytes: number;
  /** Bytes received so far, for each layer that is not complete yet. */
  missing: Partial<Record<LayerName, number>>;
}

/** For links and small files, and because a disk should not be filled to the last byte. */
const SPARE_BYTES = 64 * 1024 ** 2;

/** $1 $2 $3 digests of runtime, engine and rbee, $4 the version's folder. */
const INSPECT = `
echo "free $(df -Pk "$root" | awk 'NR == 2 { print $4 }')"
[ ! -e "$root/current" ] || echo "current $(basename "$(readlink "$root/current")")"
[ -f "$root/layers/$1/.verified" ] || echo "runtime $(size_of "$root/layers/$1.part")"
[ -f "$root/layers/$2/.verified" ] || echo "engine $(size_of "$root/layers/$2.part")"
[ -f "$root/versions/$4/.verified" ] || echo "rbee $(size_of "$root/layers/$3.part")"
`;

export async function inspect(site: HiveSite, { layers, folder }: Kit): Promise<Found> {
  const args = [...layerNames.map((name) => layers[name].digest), folder];
  const reply = readReply(await runScript(site, INSPECT, { args }));
  const missing = layerNames.filter((name) => reply.has(name)).map((name) => [name, Number(reply.get(name))] as const);
  return {
    current: reply.get('current'),
    freeBytes: Number(reply.get('free')) * 1024,
    missing: Object.fromEntries(missing),
  };
}

/** Called before anything is sent. A layer's archive is deleted once unpacked, so only the largest counts. @throws JobError disk_full */
export function requireRoom({ layers }: Kit, { freeBytes, missing }: Found): void {
  const names = layerNames.filter((name) => missing[name] !== undefined);
  if (names.length === 0) return;
  const unpacked = names.reduce((sum, name) => sum + layers[name].unpackedBytes, 0);
  const archives = names.map((name) => Math.max(layers[name].sizeBytes - (missing[name] ?? 0), 0));
  const neededBytes = unpacked + Math.max(...archives) + SPARE_BYTES;
  if (neededBytes <= freeBytes) return;
  const sentence = `The hive needs ${formatBytes(neededBytes)} in ~/.rbee of the machine, but only ${formatBytes(freeBytes)} are free there. Free some space`;
  throw new JobError('disk_full', sentence);
}
