import { LOCALHOST } from '../contract/index.ts';

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
  // As ssh and ssh-copy-id take it.
  '<login>': ({ ssh_host, ssh_user, ssh_port }) => {
    const [host, user, port] = [text(ssh_host), text(ssh_user), text(ssh_port)];
    if (host === undefined) return undefined;
    return `${port === undefined ? '' : `-p ${port} `}${user === undefined ? '' : `${user}@`}${host}`;
  },
  // As `rbee ssh test` takes it: a hive that is not registered yet is not known by its name.
  '<machine>': ({ hive_id, ssh_host, ssh_user, ssh_port }) => {
    if (text(ssh_host) === undefined) return hive_id === LOCALHOST ? undefined : text(hive_id);
    const options = Object.entries({ '--ssh-host': ssh_host, '--ssh-user': ssh_user, '--ssh-port': ssh_port });
    return options.flatMap(([flag, value]) => (text(value) === undefined ? [] : `${flag} ${text(value)}`)).join(' ');
  },
};

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
