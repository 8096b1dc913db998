import { HIVE_PORT, JobError, LOOPBACK, scopeOf, type Hive, type InputOf, type SshTarget } from '../../contract/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import {
  findPackageRoot,
  install,
  kitTarget,
  makeKit,
  probeMachine,
  requireFit,
  requireForwarding,
  requireOwn,
  resolveTarget,
  uninstall,
} from '../../machines/index.ts';
import { narrate } from '../../narration/index.ts';
import { isInstalled } from '../hives/hive-catalog.ts';
import type { HiveParts } from './hive-parts.ts';
import { refresh } from '../hives/refresh.ts';

/** Jobs on a hive get so long to end before an update gives up. */
const DRAIN_DEADLINE_MS = 10 * 60_000;

interface Parts extends HiveParts {
  signal: AbortSignal;
}

/** Sets a hive up on another machine. What is installed there already stays; another run installs what is missing. */
export async function installRemote(input: InputOf<'hive_install'>, parts: Parts): Promise<Hive> {
  const { hives, tokens } = parts;
  const { hive_id } = input;
  const known = hives.find(hive_id);
  if (known !== undefined && !isInstalled(known))
    throw new JobError('hive_exists', `Hive '${hive_id}' is registered already, at ${known.host}:${known.port}`);
  const ssh = targetOf(input, known?.ssh ?? { host: hive_id });
  const way = { ssh, port: input.port, ...(await addressOf(input, known, { ssh, signal: parts.signal })) };
  const { transport, host } = way;
  const created_at = new Date().toISOString();
  if (known === undefined) hives.add({ hive_id, transport, host, port: input.port ?? HIVE_PORT, ssh, created_at });
  try {
    return await bring(hive_id, way, parts);
  } catch (cause) {
    // A first try that failed leaves nothing to list; the token is kept no longer than the hive.
    if (known === undefined) {
      hives.remove(hive_id);
      tokens.forget(hive_id);
    }
    throw cause;
  }
}

/** Brings a hive to this version, under load: jobs on it finish, and new jobs wait for the new version. */
export async function updateRemote(input: InputOf<'hive_update'>, parts: Parts): Promise<Hive> {
  const { hive_id, port } = input;
  const known = parts.hives.get(hive_id);
  if (known.version === undefined) throw new JobError('hive_not_installed', `Nothing is installed for hive '${hive_id}' yet`);
  const from = known.ssh ?? { host: hive_id };
  const ssh = targetOf(input, from);
  const address = await addressOf(input, known, { ssh, signal: parts.signal });
  const hive = await bring(hive_id, { ssh, port, ...address }, parts);
  if (ssh.host !== from.host)
    narrate('hive_update', `the installation on ${from.host} is kept, and a hive that runs there keeps running`);
  return hive;
}

export async function uninstallRemote({ hive_id, ssh }: Hive, keepModels: boolean, parts: Parts): Promise<void> {
  const open = parts.gates.close(hive_id, 'is being removed');
  let release: () => void = () => undefined;
  try {
    release = await parts.remotes.lock(hive_id, parts.signal);
    const site = parts.remotes.site({ hiveId: hive_id, ssh: ssh ?? { host: hive_id } }, parts.signal);
    await uninstall(site, { keepModels });
    // Before the lock is released and the next job looks for it.
    parts.hives.remove(hive_id);
  } catch (cause) {
    throw withWayOut(hive_id, cause);
  } finally {
    release();
    open();
  }
}

/** Nothing can be removed from a machine that is gone for good. */
function withWayOut(hiveId: string, cause: unknown): unknown {
  if (!(cause instanceof JobError) || !hasNoWayIn(cause)) return cause;
  const sentence = `${cause.message}. If that machine is gone for good, forget its hive: rbee hive uninstall ${hiveId} --catalog-only`;
  return new JobError(cause.code, sentence, { cause });
}

/** Whether no command can be run there; `ssh_failed` is one that ran and failed. */
export function hasNoWayIn({ code }: JobError): boolean {
  return scopeOf(code) === 'connection' && code !== 'ssh_failed';
}

/** How the hive is called. */
interface Address {
  transport: 'ssh' | 'http';
  host: string;
}

interface Way extends Address {
  ssh: SshTarget;
  port: number | undefined;
}

/** As requested, or as it was; for a direct call without a host, the address that OpenSSH resolves the name to. */
async function addressOf(
  { transport, host }: Pick<InputOf<'hive_install'>, 'transport' | 'host'>,
  known: Hive | undefined,
  { ssh, signal }: { ssh: SshTarget; signal: AbortSignal },
): Promise<Address> {
  if (host !== undefined && transport === 'ssh')
    throw new JobError(
      'invalid_input',
      'With transport ssh, a hive is called through SSH: name its machine with --ssh-host instead of --host',
    );
  const isDirect = (transport ?? (host === undefined ? known?.transport : 'http')) === 'http';
  if (!isDirect) return { transport: 'ssh', host: LOOPBACK };
  if (host !== undefined) return { transport: 'http', host };
  if (known?.transport === 'http') return { transport: 'http', host: known.host };
  return { transport: 'http', host: (await resolveTarget(ssh, signal)).hostname };
}

async function bring(hiveId: string, { ssh, port, transport, host }: Way, parts: Parts): Promise<Hive> {
  const { hives, tokens, gates, view, remotes, paths, signal } = parts;
  const site = remotes.site({ hiveId, ssh }, signal);
  narrate('hive_install', `examining the machine of hive '${hiveId}'`);
  const machine = await probeMachine(site.shell, signal);
  // Before anything is packed for it.
  await requireOwn(site, machine);
  requireFit(machine);
  if (transport === 'ssh') await requireForwarding(ssh, port ?? hives.get(hiveId).port, signal);
  const target = kitTarget(machine);
  const kit = await makeKit(target, { packageRoot: findPackageRoot(), cache: paths.cache }, signal);
  let open: () => void = () => undefined;
  let release: (() => void) | undefined;
  const hold = async () => {
    release ??= await remotes.lock(hiveId, signal);
  };
  const drain = async () => {
    open();
    open = gates.close(hiveId, 'is being updated');
    await drained(hiveId, parts);
    // Until then, jobs there may need a restart of the hive.
    await hold();
  };
  try {
    const token = tokens.of(hiveId);
    const everywhere = transport === 'http';
    // Then it is restarted, whatever its version.
    const known = hives.get(hiveId);
    if (known.version !== undefined && (known.transport !== transport || (port ?? known.port) !== known.port)) await drain();
    const order = { kit, token, everywhere, drain, hold, ...(port === undefined ? {} : { port }) };
    const installed = await install(site, order);
    const found = { port: installed.port, version: installed.version };
    const hive = hives.change(hiveId, { transport, host, ssh, ...found, stopped: false });
    remotes.runsAt(hiveId, installed.port);
    release?.();
    await parts.reach.ensure(hive, signal);
    await raceAbort(view.watch(hiveId)?.settled() ?? Promise.resolve(), signal);
    return await refresh(hive, parts);
  } finally {
    release?.();
    open();
  }
}

async function drained(hiveId: string, { gates, signal }: Parts): Promise<void> {
  const inside = gates.inside(hiveId);
  if (inside === 0) return;
  narrate('hive_drain', `waiting for ${inside === 1 ? 'the running job' : `${inside} running jobs`} of hive '${hiveId}'`);
  const late = AbortSignal.timeout(DRAIN_DEADLINE_MS);
  try {
    await gates.empty(hiveId, AbortSignal.any([signal, late]));
  } catch (cause) {
    if (!late.aborted) throw cause;
    const still = `Hive '${hiveId}' still has running jobs after ${DRAIN_DEADLINE_MS / 60_000} minutes`;
    throw new JobError('deadline_exceeded', `${still}; the previous version keeps running. Try again when it is idle`, { cause });
  }
}

function targetOf({ ssh_host, ssh_port, ssh_user }: Partial<InputOf<'hive_update'>>, known: SshTarget): SshTarget {
  // Another machine has nothing to do with the port and the user of the former one.
  const base = ssh_host === undefined ? known : { host: ssh_host };
  return {
    ...base,
    ...(ssh_port === undefined ? {} : { port: ssh_port }),
    ...(ssh_user === undefined ? {} : { user: ssh_user }),
  };
}
