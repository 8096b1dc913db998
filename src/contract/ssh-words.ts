import type { SshTarget } from './entities.ts';

/** For people: 'me@gaming-pc:2222', with what is given. */
export function sshName({ host, port, user }: SshTarget): string {
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

/** As ssh and ssh-copy-id take it: '-p 2222 me@gaming-pc'. */
export function sshLogin({ host, port, user }: SshTarget): string {
  return `${port === undefined ? '' : `-p ${port} `}${user === undefined ? '' : `${user}@`}${host}`;
}

/** As rbee takes it: '--ssh-host gaming-pc --ssh-user me --ssh-port 2222'. */
export function sshFlags({ host, port, user }: Partial<SshTarget>): string {
  const flags = Object.entries({ host, user, port });
  return flags.flatMap(([name, value]) => (value === undefined ? [] : [`--ssh-${name} ${value}`])).join(' ');
}

/** As `rbee hive install` takes it: 'gaming-pc', or 'attic --ssh-host gaming-pc' where the hive has another name than its machine. */
export function hiveAndSshFlags(hiveId: string, { host, ...ssh }: SshTarget): string {
  const flags = sshFlags(host === hiveId ? ssh : { host, ...ssh });
  return flags === '' ? hiveId : `${hiveId} ${flags}`;
}
