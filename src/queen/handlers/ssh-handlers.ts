import {
  HIVE_PORT,
  JobError,
  LOOPBACK,
  sshName,
  type Handlers,
  type Hive,
  type InputOf,
  type OutputOf,
  type Run,
  type SshTarget,
} from '../../contract/index.ts';
import { nearest } from '../../jobs/index.ts';
import { checkMachine, configHosts, requireTarget, resolveTarget } from '../../machines/index.ts';
import { narrate } from '../../narration/index.ts';
import { isHiveId, type HiveCatalog } from '../hives/hive-catalog.ts';

type KnownHost = OutputOf<'hive_import_ssh'>['hosts'][number];

/** A program each; more at once would only wait for each other. */
const RESOLVED_AT_ONCE = 8;

/** Machines before they are hives. */
export function machineHandlers({ hives }: { hives: HiveCatalog }) {
  const ssh_test: Run<'ssh_test'> = async function* (input, { signal }) {
    const target = targetOf(input, hives);
    requireTarget(target);
    narrate('ssh_test', `examining ${sshName(target)}`);
    const hive = hiveAt(input.hive_id, target.host, hives);
    const checks = await checkMachine(target, {
      signal,
      ...(hive?.transport === 'http' ? {} : { port: hive?.port ?? HIVE_PORT }),
      onCheck: ({ check, ok, says }) =>
        narrate(`ssh_${check}`, `${check.replace('_', ' ')}: ${ok ? '' : 'failed: '}${says}`, { detail: true }),
    });
    return {
      ssh_host: sshName(target),
      ...(hive === undefined ? {} : { hive_id: hive.hive_id }),
      reachable: checks.every(({ ok }) => ok),
      checks,
    };
  };

  const hive_import_ssh: Run<'hive_import_ssh'> = async function* ({ hosts: chosen }, { signal }) {
    const names = (await configHosts()).filter(isUsable);
    for (const host of chosen) requireKnown(host, names);
    const added = [...new Set(chosen)].flatMap((host) => importHost(host, hives));
    const hosts = await resolveAll(names, signal);
    return { hosts: hosts.map((host) => withHive(host, hives)), hives: added };
  };

  return { ssh_test, hive_import_ssh } satisfies Handlers;
}

/** The SSH target of the hive; options of the request take precedence. */
function targetOf({ hive_id, ssh_host, ssh_port, ssh_user }: InputOf<'ssh_test'>, hives: HiveCatalog): SshTarget {
  const said = { ...(ssh_port === undefined ? {} : { port: ssh_port }), ...(ssh_user === undefined ? {} : { user: ssh_user }) };
  if (ssh_host !== undefined) return { host: ssh_host, ...said };
  if (hive_id === undefined) throw new JobError('invalid_input', 'Name a hive or a machine, for example gaming-pc');
  const hive = hives.find(hive_id);
  if (hive === undefined) return { host: hive_id, ...said };
  if (hive.ssh !== undefined) return { ...hive.ssh, ...said };
  throw new JobError(
    'invalid_input',
    `Hive '${hive_id}' is not reached over SSH. To check its machine: rbee ssh test --ssh-host <host>`,
  );
}

function isUsable(name: string): boolean {
  const isId = isHiveId(name);
  if (!isId) narrate('hive_import_ssh', `host '${name}' is left out: a hive cannot have this name`);
  return isId;
}

function requireKnown(host: string, names: readonly string[]): void {
  if (names.includes(host)) return;
  const near = nearest(host, names);
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  throw new JobError('invalid_input', `~/.ssh/config has no host '${host}'${hint}`);
}

function importHost(host: string, hives: HiveCatalog): Hive[] {
  if (hives.find(host) !== undefined) {
    narrate('hive_import_ssh', `hive '${host}' is registered already`);
    return [];
  }
  const created_at = new Date().toISOString();
  const hive = hives.add({
    hive_id: host,
    transport: 'ssh',
    host: LOOPBACK,
    port: HIVE_PORT,
    ssh: { host },
    created_at,
  });
  narrate('hive_import_ssh', `hive '${host}' is added; set it up: rbee hive install ${host}`);
  return [hive];
}

async function resolveAll(names: readonly string[], signal: AbortSignal): Promise<KnownHost[]> {
  const resolved: KnownHost[] = [];
  for (let at = 0; at < names.length; at += RESOLVED_AT_ONCE) {
    const some = names.slice(at, at + RESOLVED_AT_ONCE).map(async (host) => {
      const { hostname, user, port } = await resolveTarget({ host }, signal);
      return { host, hostname, user, port };
    });
    resolved.push(...(await Promise.all(some)));
  }
  return resolved;
}

function withHive(known: KnownHost, hives: HiveCatalog): KnownHost {
  const hive = hiveAt(known.host, known.host, hives);
  return hive === undefined ? known : { ...known, hive_id: hive.hive_id };
}

/** Called so, or reached there. */
function hiveAt(id: string | undefined, host: string, hives: HiveCatalog): Hive | undefined {
  return hives.list().find(({ hive_id, ssh }) => hive_id === id || ssh?.host === host);
}
