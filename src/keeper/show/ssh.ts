import type { OutputOf } from '../../contract/index.ts';
import type { Look } from './look.ts';
import { table } from './table.ts';
import { wrapped } from './width.ts';

type SshTest = OutputOf<'ssh_test'>;
type SshHosts = OutputOf<'hive_import_ssh'>;

/** A line for each check, what to do below the one that failed, and the verdict. */
export function sshTestText(test: SshTest, look: Look): string {
  const { checks } = test;
  const names = checks.map(({ check }) => check.replace('_', ' '));
  const nameWidth = Math.max(0, ...names.map((name) => name.length));
  const lines = checks.map(({ ok, says, next }, at) => {
    const mark = ok ? look.paint.green('✓') : look.paint.red('✗');
    const indent = ' '.repeat(nameWidth + 4);
    const text = wrapped(next === undefined ? says : `${says}\n${next}`, look.columns - indent.length).join(`\n${indent}`);
    return `${mark} ${(names[at] ?? '').padEnd(nameWidth)}  ${text}`;
  });
  return `${lines.join('\n')}\n\n${wrapped(verdict(test), look.columns).join('\n')}`;
}

function verdict({ ssh_host, hive_id, reachable, checks }: SshTest): string {
  const installed = checks.find(({ check }) => check === 'rbee')?.version;
  if (!reachable) return `No hive can be installed on ${ssh_host} yet.`;
  if (installed === undefined) return `A hive can be installed on ${ssh_host}.`;
  const there = `rbee ${installed} is installed on ${ssh_host}`;
  if (hive_id === undefined) {
    // A login with a user or a port cannot be the name of a hive.
    const name = /[@:]/.test(ssh_host) ? '<hive> --ssh-host …' : ssh_host;
    return `${there} already, but it is not a hive of this fleet. To add it: rbee hive install ${name}`;
  }
  if (installed === __RBEE_VERSION__) return `${there} already: it is hive '${hive_id}'.`;
  return `${there}. To bring it to ${__RBEE_VERSION__}: rbee hive install ${hive_id}`;
}

/** The hosts of ~/.ssh/config, and how to add one as a hive. */
export function sshHostsText({ hosts, hives }: SshHosts, look: Look): string {
  if (hosts.length === 0) return 'No hosts in ~/.ssh/config. Without it: rbee hive install <hive> --ssh-host <host>';
  const rows = table(
    hosts,
    [
      { title: 'HOST', cell: ({ host }) => host },
      { title: 'ADDRESS', cell: ({ hostname, port }) => `${hostname}:${port}`, narrow: 'cut' },
      { title: 'USER', cell: ({ user }) => user },
      { title: 'HIVE', cell: ({ hive_id }) => hive_id ?? '' },
    ],
    look,
  );
  return `${rows}\n\n${nextStep({ hosts, hives })}`;
}

function nextStep({ hosts, hives }: SshHosts): string {
  const [added] = hives;
  if (added !== undefined) return `Set it up: rbee hive install ${added.hive_id}`;
  const open = hosts.find(({ hive_id }) => hive_id === undefined);
  return open === undefined ? 'All of them are hives.' : `Add one as a hive: rbee hive import-ssh --hosts ${open.host}`;
}
