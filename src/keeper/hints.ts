import { errorCodes, isErrorCode, LOCALHOST, sshFlags, type ErrorCode } from '../contract/index.ts';
import { wordsOf } from './derive/command-words.ts';
import type { KnownInput } from './shown.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const AT_ITS_ADDRESS: ReadonlySet<string> = new Set(['queen_unreachable', 'queen_bad_response'] satisfies ErrorCode[]);
const ON_THE_WAY: ReadonlySet<string> = new Set(['port_taken', 'version_mismatch'] satisfies ErrorCode[]);

/** The contract's hint. The keeper cannot start a queen elsewhere; it can only name the address to check. */
export function hintOf(code: string, env: Environment = process.env): string | undefined {
  const elsewhere = env['RBEE_QUEEN_URL'];
  if (elsewhere && AT_ITS_ADDRESS.has(code)) return `RBEE_QUEEN_URL is ${elsewhere}: is the queen awake there?`;
  return isErrorCode(code) ? errorCodes[code].hint : undefined;
}

/** For a request that its command line did not show to be wrong: 'See: rbee hive install --help'. */
export function helpFor(operation: string): string {
  return `See: rbee ${wordsOf(operation).join(' ')} --help`;
}

/** The contract's hint for a failure of the keeper itself, on the way to the queen. */
export function ownHintOf(code: string): string | undefined {
  return hintOf(process.env['RBEE_QUEEN_URL'] && ON_THE_WAY.has(code) ? 'queen_unreachable' : code);
}

/** A hint of the contract with the names of the input; a placeholder without a name stays. */
export function filledHint(hint: string, input: KnownInput): string {
  return hint.replace(/<[a-z-]+>/g, (placeholder) => NAMES[placeholder]?.(input) ?? placeholder);
}

/** `rbee doctor` looks at the machine that it runs on: for a failure elsewhere, the hint names that machine. */
export function atItsMachine(hint: string, { hive_id }: KnownInput): string {
  const isHiveElsewhere = typeof hive_id === 'string' && hive_id !== LOCALHOST;
  const where = isHiveElsewhere
    ? `the machine of hive '${hive_id}'`
    : process.env['RBEE_QUEEN_URL']
      ? "the queen's machine"
      : undefined;
  return where === undefined ? hint : hint.replace(/rbee (doctor|queen logs|down)\b/g, `$& (on ${where})`);
}

const NAMES: Readonly<Record<string, (input: KnownInput) => string | undefined>> = {
  '<hive>': ({ hive_id }) => text(hive_id),
  '<other-hive>': ({ hive_id }) => (hive_id === LOCALHOST ? undefined : text(hive_id)),
  '<worker>': ({ worker_id }) => text(worker_id),
  // A hive that is not registered yet cannot be found by its name.
  '<machine>': ({ hive_id, ssh_host, ssh_user, ssh_port }) => {
    const host = text(ssh_host);
    if (host === undefined) return hive_id === LOCALHOST ? undefined : text(hive_id);
    const [user, port] = [text(ssh_user), Number(text(ssh_port))];
    return sshFlags({ host, ...(user === undefined ? {} : { user }), ...(Number.isNaN(port) ? {} : { port }) });
  },
};

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
