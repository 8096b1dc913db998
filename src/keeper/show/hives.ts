import {
  hiveAndSshFlags,
  LOCALHOST,
  sshName,
  type Capabilities,
  type Hive,
  type HiveHealth,
  type OutputOf,
} from '../../contract/index.ts';
import type { Look } from './look.ts';
import { filled, list, table, type Column } from './table.ts';
import { bytes, clock, uptime } from './units.ts';
import { flowed } from './width.ts';

export const NO_HIVES = 'No hives. Set one up: rbee hive install';
const BACK = "; 'rbee hive install' brings it back";

type SeenHive = OutputOf<'status'>['hives'][number];

const columns: Column<Hive>[] = [
  { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
  {
    title: 'ADDRESS',
    cell: (each) => (each.ssh === undefined ? `${each.host}:${each.port}` : `ssh ${sshName(each.ssh)}`),
    narrow: 'cut',
  },
  { title: 'TRANSPORT', cell: (each) => each.transport },
  {
    title: 'DEVICES',
    cell: ({ capabilities }) => capabilities?.devices.map(deviceName).join(', ') ?? 'not known yet',
    narrow: 'cut',
  },
];

const seenColumns: Column<SeenHive>[] = [
  { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
  { title: 'STATE', cell: (each) => each.state },
  { title: 'ADDRESS', cell: (each) => `${each.host}:${each.port}`, narrow: 'cut' },
  { title: 'VERSION', cell: (each) => each.version ?? '' },
  { title: 'UP', cell: (each) => (each.uptime_s === undefined ? '' : uptime(each.uptime_s)) },
  { title: 'WHY', cell: (each) => each.reason ?? '', narrow: 'below' },
];

const deviceColumns: Column<Capabilities['devices'][number]>[] = [
  { title: 'DEVICE', cell: deviceName },
  {
    title: 'NAME',
    cell: (each) =>
      `${each.name}${each.usable === false ? ` (${each.problem ?? 'its engine or its driver is not installed'})` : ''}`,
    narrow: 'cut',
  },
  { title: 'MEMORY', cell: (each) => bytes(each.memory_bytes), align: 'right' },
  { title: 'FREE', cell: (each) => bytes(each.memory_free_bytes), align: 'right' },
  { title: 'CORES', cell: (each) => each.cores?.toString() ?? '', align: 'right' },
  { title: 'DRIVER', cell: (each) => each.driver ?? '' },
];

export function hiveText(hive: Hive, look: Look): string {
  const { hive_id, capabilities: known } = hive;
  const devices =
    known === undefined
      ? look.paint.dim(`Its devices are not known yet. Get them: rbee hive update ${hive_id} --refresh-capabilities`)
      : table(known.devices, filled(known.devices, deviceColumns), look);
  return `${list(pairs(hive), look)}\n\n${devices}`;
}

export function hiveListText({ hives }: OutputOf<'hive_list'>, look: Look): string {
  return hives.length === 0 ? NO_HIVES : table(hives, columns, look);
}

/** The hives as the queen sees them now, for `rbee status`. */
export function seenHivesText(hives: readonly SeenHive[], look: Look): string {
  return hives.length === 0 ? NO_HIVES : table(hives, filled(hives, seenColumns), look);
}

export function hiveHealthText({ hive_id, state, version, pid, uptime_s, reason }: HiveHealth, { columns }: Look): string {
  const parts = [
    `hive ${hive_id} is ${state}`,
    version === undefined ? undefined : `rbee ${version}`,
    pid === undefined ? undefined : `pid ${pid}`,
    uptime_s === undefined ? undefined : `up ${uptime(uptime_s)}`,
    // The reason of a stopped hive is only that nothing answers.
    state === 'stopped' ? undefined : reason,
  ];
  return flowed(
    parts.filter((part) => part !== undefined),
    columns,
  ).join('\n');
}

export function uninstalledText({ hive_id, catalog_only }: OutputOf<'hive_uninstall'>): string {
  if (hive_id === LOCALHOST) return `hive ${hive_id} uninstalled${BACK}`;
  return catalog_only ? `hive ${hive_id} deleted; its machine is left as it is` : `hive ${hive_id} uninstalled`;
}

/** Names what is still installed, and how to remove it. */
export function deletedText({ hive_id, transport, ssh }: OutputOf<'hive_delete'>): string {
  if (transport === 'local') return `hive ${hive_id} deleted${BACK}`;
  if (ssh === undefined) return `hive ${hive_id} deleted; if it is running, it keeps running`;
  const sentence = `hive ${hive_id} deleted; it stays installed on its machine and, if it is running, keeps running`;
  return `${sentence}\nTo remove it there: rbee hive install ${hiveAndSshFlags(hive_id, ssh)} && rbee hive uninstall ${hive_id}`;
}

function pairs(hive: Hive): [string, string | undefined][] {
  const { capabilities: known } = hive;
  return [
    ['hive', hive.hive_id],
    ['address', `${hive.host}:${hive.port}`],
    ['transport', hive.transport],
    ['ssh', hive.ssh && sshName(hive.ssh)],
    ['since', clock(hive.created_at)],
    ['machine', known && `${known.hostname}, ${known.os} ${known.arch}`],
    ['version', hive.version ?? known?.version],
    ['disk free', known && bytes(known.disk_free_bytes)],
    ['updated', hive.capabilities_at && clock(hive.capabilities_at)],
  ];
}

function deviceName({ worker: kind, device }: Capabilities['devices'][number]): string {
  return `${kind}:${device}`;
}
