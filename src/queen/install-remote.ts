import { JobError, type Hive, type InputOf, type SshTarget } from '../contract/index.ts';
import { raceAbort } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import type { HiveParts } from './hive-handlers.ts';
import { install, probeTarget, uninstall } from './install/index.ts';
import { findPackageRoot, makeKit } from './kit/index.ts';
import { refresh } from './refresh.ts';

/** Requests that a hive is at work on get so long to end before it is exchanged. */
const DRAIN_DEADLINE_MS = 10 * 60_000;
/** Of the hive there, until it says another. */
const HIVE_PORT = 9000;

interface Parts extends HiveParts {
  signal: AbortSignal;
}

/** Sets a hive up on another machine. What is there already stays; run again, it mends what is missing. */
export async function installRemote(input: InputOf<'hive_install'>, parts: Parts): Promise<Hive> {
  const { hives, tokens } = parts;
  const { hive_id } = input;
  const known = hives.find(hive_id);
  if (known !== undefined && known.transport !== 'ssh')
    throw new JobError('hive_exists', `Hive '${hive_id}' is registered already, at ${known.host}:${known.port}`);
  const ssh = targetOf(input, known?.ssh ?? { host: hive_id });
  if (known === undefined)
    hives.add({
      hive_id,
      transport: 'ssh',
      host: '127.0.0.1',
      port: input.port ?? HIVE_PORT,
      ssh,
      created_at: new Date().toISOString(),
    });
  try {
    return await bring(hive_id, { ssh, port: input.port }, parts);
  } catch (cause) {
    // A first try that failed leaves nothing to list; the token is kept no longer than the hive.
    if (known === undefined) {
      hives.remove(hive_id);
      tokens.forget(hive_id);
    }
    throw cause;
  }
}

/** Brings a hive to this version, under load: whoever uses it finishes, whoever comes waits for the new one. */
export async function updateRemote(input: InputOf<'hive_update'>, parts: Parts): Promise<Hive> {
  const { hive_id, host, port } = input;
  if (host !== undefined) throw new JobError('invalid_input', `host: hive '${hive_id}' is reached over SSH; give ssh_host`);
  const { ssh = { host: hive_id }, version } = parts.hives.get(hive_id);
  if (version === undefined)
    throw new JobError('hive_not_installed', `Nothing is installed for hive '${hive_id}' yet: rbee hive install ${hive_id}`);
  return bring(hive_id, { ssh: targetOf(input, ssh), port }, parts);
}

export async function uninstallRemote({ hive_id, ssh }: Hive, keepModels: boolean, parts: Parts): Promise<void> {
  const open = parts.gates.close(hive_id, 'is being removed');
  const release = parts.remotes.hold(hive_id);
  try {
    const site = parts.remotes.site(ssh ?? { host: hive_id }, parts.signal);
    await uninstall(site, { keepModels });
    // Before anybody looks for it again.
    parts.hives.remove(hive_id);
  } finally {
    release();
    open();
  }
}

interface Way {
  ssh: SshTarget;
  port: number | undefined;
}

async function bring(hiveId: string, { ssh, port }: Way, parts: Parts): Promise<Hive> {
  const { hives, tokens, gates, view, remotes, paths, signal } = parts;
  const site = remotes.site(ssh, signal);
  narrate('hive_install', `looking at the machine of hive '${hiveId}'`);
  const target = await probeTarget(site);
  const kit = await makeKit(target, { packageRoot: findPackageRoot(), cache: paths.cache }, signal);
  let open: () => void = () => undefined;
  let release: () => void = () => undefined;
  const drain = async () => {
    open = gates.close(hiveId, 'is being updated');
    await drained(hiveId, parts);
    // Until then, jobs there may need it started again.
    release = remotes.hold(hiveId);
  };
  try {
    const token = tokens.of(hiveId);
    const installed = await install(site, { kit, hiveId, token, drain, ...(port === undefined ? {} : { port }) });
    const hive = hives.change(hiveId, { ssh, port: installed.port, version: installed.version, stopped: false });
    release();
    await parts.reach.ensure(hive, signal);
    await raceAbort(view.watch(hiveId)?.settled() ?? Promise.resolve(), signal);
    return await refresh(hive, parts);
  } finally {
    release();
    open();
  }
}

async function drained(hiveId: string, { gates, signal }: Parts): Promise<void> {
  const inside = gates.inside(hiveId);
  if (inside === 0) return;
  narrate('hive_drain', `waiting for ${inside === 1 ? 'the job' : `${inside} jobs`} that hive '${hiveId}' is at work on`);
  const late = AbortSignal.timeout(DRAIN_DEADLINE_MS);
  try {
    await gates.empty(hiveId, AbortSignal.any([signal, late]));
  } catch (cause) {
    if (!late.aborted) throw cause;
    const still = `Hive '${hiveId}' is still at work after ${DRAIN_DEADLINE_MS / 60_000} minutes`;
    throw new JobError('deadline_exceeded', `${still}; the former version runs on. Try again when it is idle`, { cause });
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
