import { LOCALHOST, sshFlags, sshLogin, type SshTarget } from '../contract/index.ts';

/** The input of an operation, as far as anybody knows it. */
export type Said = Readonly<Record<string, unknown>>;

/** A hint of the contract with the names that were said; what was not said keeps its placeholder. */
export function filledHint(hint: string, said: Said): string {
  return hint.replace(/<[a-z-]+>/g, (placeholder) => NAMES[placeholder]?.(said) ?? placeholder);
}

/** Whether the message says the same, with the name that the hint only has a place for. */
export function isSaidBy(message: string, hint: string): boolean {
  const pattern = hint
    .replace(/\.$/, '')
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/<[a-z-]+>/g, '\\S+');
  return new RegExp(pattern).test(message);
}

const NAMES: Readonly<Record<string, (said: Said) => string | undefined>> = {
  '<hive>': ({ hive_id }) => text(hive_id),
  '<other-hive>': ({ hive_id }) => (hive_id === LOCALHOST ? undefined : text(hive_id)),
  '<worker>': ({ worker_id }) => text(worker_id),
  '<host>': ({ ssh_host }) => text(ssh_host),
  '<login>': (said) => {
    const ssh = targetOf(said);
    return ssh === undefined ? undefined : sshLogin(ssh);
  },
  // A hive that is not registered yet is not known by its name.
  '<machine>': (said) => {
    const ssh = targetOf(said);
    if (ssh !== undefined) return sshFlags(ssh);
    return said['hive_id'] === LOCALHOST ? undefined : text(said['hive_id']);
  },
};

function targetOf({ ssh_host, ssh_user, ssh_port }: Said): SshTarget | undefined {
  const [host, user, port] = [text(ssh_host), text(ssh_user), Number(text(ssh_port))];
  if (host === undefined) return undefined;
  return { host, ...(user === undefined ? {} : { user }), ...(Number.isNaN(port) ? {} : { port }) };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
