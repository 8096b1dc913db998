import { setTimeout as delay } from 'node:timers/promises';
import { JobError, LOCALHOST, type Handlers, type Hive, type HiveHealth, type InputOf, type Run } from '../../contract/index.ts';
import type { Probe } from '../../daemon/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import { isInstalled, isUnmanaged, requireHiveId, type HiveCatalog } from '../hives/hive-catalog.ts';
import type { HiveParts } from './hive-parts.ts';
import { installRemote, uninstallRemote, updateRemote } from './install-remote.ts';
import type { Reach } from '../hives/reach.ts';
import { onItsOwnMachine } from '../hives/unmanaged-hive.ts';
import { refresh } from '../hives/refresh.ts';
import { requireOtherPlace } from '../hives/same-place.ts';

/** From a hive's start to its first report. */
const REPORTED_WITHIN_MS = 3_000;

const UNPROVEN =
  'what answers there does not prove that it is this hive: it has another token or an older version, or is another program';

const UNPROVEN_BY = 'a program that does not prove that it is this hive';

export function hiveHandlers(parts: HiveParts) {
  const { hives, reach } = parts;

  const hive_install: Run<'hive_install'> = async function* (input, { signal }) {
    requireName(input, hives);
    if (!isLocal(input, hives)) return installRemote(input, { ...parts, signal });
    if (input.port !== undefined) throw new JobError('invalid_input', "RBEE_HIVE_PORT sets the port of this machine's hive");
    const hive = hives.addLocal();
    await reach.ensure(hive, signal);
    return refresh(hives.wanted(hive.hive_id), parts);
  };

  const hive_uninstall: Run<'hive_uninstall'> = async function* ({ hive_id, catalog_only, keep_models }, { signal }) {
    const hive = hives.get(hive_id);
    if (!catalog_only && isInstalled(hive)) await uninstallRemote(hive, keep_models, { ...parts, signal });
    else if (!catalog_only) await reach.stop(hive, signal);
    if (hives.find(hive_id) !== undefined) hives.remove(hive_id);
    if (!catalog_only) parts.tokens.forget(hive_id);
    narrate('hive_uninstall', `hive '${hive_id}' is no longer registered`);
    return { hive_id, catalog_only };
  };

  const hive_update: Run<'hive_update'> = async function* (input, { signal }) {
    const { hive_id, host, port, refresh_capabilities } = input;
    const hive = hives.get(hive_id);
    const isMoved = host !== undefined || port !== undefined;
    // An update reads the capabilities again as well.
    if (isInstalled(hive) && (!refresh_capabilities || isMoved || namesSsh(input)))
      return updateRemote(input, { ...parts, signal });
    if (namesSsh(input))
      throw new JobError(
        'invalid_input',
        `Hive '${hive_id}' was not installed over SSH, so it has no SSH settings and no transport to change`,
      );
    if (isMoved && hive.transport === 'local')
      throw new JobError('invalid_input', "RBEE_HIVE_PORT sets the port of this machine's hive, and its host is fixed");
    if (isMoved) {
      const moved = { ...hive, host: host ?? hive.host, port: port ?? hive.port };
      await requireOtherPlace(moved, hives);
      await requireNoOtherRole(moved, reach);
    }
    const updated = isMoved ? hives.move(hive_id, { host: host ?? hive.host, port: port ?? hive.port }) : hive;
    if (!refresh_capabilities) return updated;
    await reach.ensure(updated, signal);
    return refresh(updated, parts);
  };

  const hive_start: Run<'hive_start'> = async function* ({ hive_id }, { signal }) {
    return start(hives.get(hive_id), parts, signal);
  };

  const hive_stop: Run<'hive_stop'> = async function* ({ hive_id }, { signal }) {
    const hive = hives.get(hive_id);
    if (!(await stop(hive, parts, signal))) narrate('hive_stop', `hive '${hive_id}' is not running`);
    return hiveHealth(hives.get(hive_id), reach);
  };

  const hive_list: Run<'hive_list'> = async function* () {
    return { hives: hives.list() };
  };

  const hive_get: Run<'hive_get'> = async function* ({ hive_id }) {
    return withDevicesNow(hives.get(hive_id), parts);
  };

  const hive_status: Run<'hive_status'> = async function* ({ hive_id }) {
    return hiveHealth(hives.get(hive_id), reach);
  };

  return {
    hive_install,
    hive_uninstall,
    hive_update,
    hive_start,
    hive_stop,
    hive_list,
    hive_get,
    hive_status,
  } satisfies Handlers;
}

/** With its devices as last reported, where it is connected. */
function withDevicesNow(hive: Hive, { view }: HiveParts): Hive {
  const watch = view.watch(hive.hive_id);
  if (watch?.state.kind !== 'up' || watch.report === undefined || hive.capabilities === undefined) return hive;
  const { hostname, version, devices, disk_free_bytes } = watch.report;
  const capabilities = { ...hive.capabilities, hostname, version, devices, disk_free_bytes };
  return { ...hive, capabilities, capabilities_at: new Date().toISOString() };
}

async function start(hive: Hive, parts: HiveParts, signal: AbortSignal): Promise<HiveHealth> {
  const { hives, reach, view } = parts;
  const { hive_id, host, port } = hive;
  // A start probes the hive, whatever was seen before.
  reach.markStale(hive);
  await reach.ensure(hive, signal);
  hives.wanted(hive_id);
  // Until it has reported, the next command would find it asleep.
  const reported = view.watch(hive_id)?.settled();
  await raceAbort(Promise.race([reported, delay(REPORTED_WITHIN_MS, undefined, { ref: false })]), signal);
  if (view.watch(hive_id)?.state.kind === 'up' && hives.get(hive_id).capabilities === undefined)
    await refresh(hives.get(hive_id), parts);
  const health = await hiveHealth(hive, reach);
  if (isUnmanaged(hive) && health.state !== 'running')
    throw onItsOwnMachine(hive, 'started', `rbee hive run --id ${hive_id} --host ${host} --port ${port}`);
  return health;
}

async function stop(hive: Hive, { hives, reach }: HiveParts, signal: AbortSignal): Promise<boolean> {
  const { hive_id, stopped = false } = hive;
  if (isUnmanaged(hive)) return reach.stop(hive, signal);
  // First, so that the queen does not restart it in the background.
  hives.change(hive_id, { stopped: true });
  try {
    const wasRunning = await reach.stop(hive, signal);
    if (!wasRunning) await requireNoOtherProgram(hive, reach);
    return wasRunning;
  } catch (cause) {
    // It may still run, and is connected again when it can be reached.
    hives.change(hive_id, { stopped });
    throw cause;
  }
}

/** A port that another program has is no hive that was stopped. */
async function requireNoOtherProgram(hive: Hive, reach: Reach): Promise<void> {
  const found = await reach.probe(hive);
  if (found.kind !== 'stranger' && found.kind !== 'unproven') return;
  const by = found.kind === 'stranger' ? `a program that ${found.what}` : UNPROVEN_BY;
  const sentence = `Nothing was stopped: hive '${hive.hive_id}' is not running, and its port ${hive.port} is taken by ${by}`;
  throw new JobError('port_taken', sentence);
}

/** Registers hives that run already, and removes them again. */
export function registrationHandlers({ hives, reach }: HiveParts) {
  const hive_create: Run<'hive_create'> = async function* ({ hive_id, host, port }) {
    const id = hive_id ?? host;
    requireHiveId(id);
    const hive = { hive_id: id, host, port, transport: 'http' as const, created_at: new Date().toISOString() };
    if (hives.find(id) === undefined) await requireOtherPlace(hive, hives);
    const found = await requireNoOtherRole(hive, reach);
    if (found.kind === 'unproven')
      narrate(
        'hive_create',
        `what answers at ${host}:${port} does not prove that it knows RBEE_TOKEN: start that hive with the same one`,
      );
    else if (found.kind !== 'rbee') narrate('hive_create', `no hive answers at ${host}:${port} yet`);
    return hives.add(hive);
  };

  const hive_delete: Run<'hive_delete'> = async function* ({ hive_id }) {
    const { transport, ssh, version } = hives.get(hive_id);
    hives.remove(hive_id);
    // Its token stays: the hive that runs there accepts no other, and a restart with a new one would end its workers.
    return { hive_id, transport, ...(ssh === undefined || version === undefined ? {} : { ssh }) };
  };

  return { hive_create, hive_delete } satisfies Handlers;
}

/** Probed now, with a short deadline. */
export async function hiveHealth(hive: Hive, reach: Reach): Promise<HiveHealth> {
  const { hive_id } = hive;
  const found = await reach.probe(hive);
  switch (found.kind) {
    case 'rbee': {
      const { version, uptime_s, pid, role } = found.health;
      if (role !== 'hive') return { hive_id, state: 'unreachable', reason: `its port is used by a ${role}` };
      return { hive_id, state: 'running', version, uptime_s, pid };
    }
    case 'absent':
      if (hive.stopped === true) return { hive_id, state: 'stopped' };
      return { hive_id, state: hive.transport === 'local' ? 'stopped' : 'unreachable', reason: found.reason };
    case 'frozen':
      return { hive_id, state: 'unreachable', reason: 'it accepts connections but does not answer' };
    case 'unproven':
      return { hive_id, state: 'unreachable', reason: UNPROVEN };
    case 'stranger':
      return { hive_id, state: 'unreachable', reason: found.what };
  }
}

/** A queen registered as a hive would forward to itself without end. An address that does not answer may have a hive later. */
async function requireNoOtherRole(hive: Hive, reach: Reach): Promise<Probe> {
  const found = await reach.probe(hive);
  if (found.kind !== 'rbee' || found.health.role === 'hive') return found;
  throw new JobError('invalid_input', `${hive.host}:${hive.port} is a ${found.health.role}, not a hive`);
}

/** The SSH options are of another machine, and localhost is this one: the name of the hive was left out. */
function requireName(input: InputOf<'hive_install'>, hives: HiveCatalog): void {
  const { hive_id, ssh_host, ssh_port, ssh_user } = input;
  const known = hives.find(hive_id);
  if (hive_id !== LOCALHOST || (known !== undefined && isInstalled(known))) return;
  const said = Object.entries({ ssh_host, ssh_port, ssh_user }).flatMap(([field, value]) =>
    value === undefined ? [] : `--${field.replace('_', '-')} ${value}`,
  );
  if (said.length === 0) return;
  const sentence = `'${LOCALHOST}' is this machine. Give the other machine a name: rbee hive install <name> ${said.join(' ')}`;
  throw new JobError('invalid_input', sentence);
}

function namesSsh({ ssh_host, ssh_user, ssh_port, transport }: InputOf<'hive_update'>): boolean {
  return [ssh_host, ssh_user, ssh_port, transport].some((field) => field !== undefined);
}

/** Whether it is this machine's own hive: named so, and not registered as another machine's. */
function isLocal({ hive_id, ssh_host }: InputOf<'hive_install'>, hives: HiveCatalog): boolean {
  return ssh_host === undefined && (hives.find(hive_id)?.transport ?? (hive_id === LOCALHOST ? 'local' : 'ssh')) === 'local';
}
