import { sshLogin, sshName, type JobError, type SshCheck, type SshTarget } from '../../contract/index.ts';
import { type Resolved } from '../ssh/index.ts';

export interface WayIn {
  target: SshTarget;
  resolved: Resolved;
  /** What ssh said at LogLevel DEBUG1. */
  words: string;
  /** What start-up files there have printed. */
  noiseBytes: number;
  /** Why it did not lead to a machine. */
  error?: JobError;
}

type Step = 'resolve' | 'connect' | 'host_key' | 'authenticate' | 'shell';

const STEPS: readonly Step[] = ['resolve', 'connect', 'host_key', 'authenticate', 'shell'];

/** The steps on the way to a shell: those that were passed, and the one that was not. */
export function wayIn(way: WayIn): SshCheck[] {
  const { error } = way;
  const passed = error === undefined ? STEPS : STEPS.slice(0, STEPS.indexOf(failedStep(way, error)));
  const checks: SshCheck[] = passed.map((check) => ({ check, ok: true, says: passedWords[check](way) }));
  if (error === undefined) return checks;
  const check = failedStep(way, error);
  return [...checks, { check, ok: false, says: error.message, next: next(check, way) }];
}

function failedStep({ words, resolved }: WayIn, { code, cause }: JobError): Step {
  if (isInBetween(words)) return 'connect';
  if (code === 'ssh_host_key') return 'host_key';
  if (code === 'ssh_denied') return 'authenticate';
  if (code === 'ssh_failed') return 'shell';
  if (/Could not resolve hostname/.test(String(cause))) return 'resolve';
  // Behind another machine, its steps are told too; only the last login is this one's.
  const login = resolved.via === undefined ? /^Authenticated to /m : /^Authenticated to .*\(via proxy\)/m;
  if (login.test(words)) return 'shell';
  return resolved.via === undefined && /^debug1: Host '.*' is known/m.test(words) ? 'authenticate' : 'connect';
}

/** What ssh calls a connection that somebody else made for it: it was refused before this machine was reached. */
function isInBetween(words: string): boolean {
  return words.includes('by UNKNOWN port 65535');
}

const passedWords: Record<Step, (way: WayIn) => string> = {
  resolve: ({ target, resolved: { user, hostname, port, via } }) => {
    const place = sshName({ user, host: hostname, port });
    const through = via === undefined ? '' : `, through ${via}`;
    return place === sshName(target) ? `${place}${through}` : `${target.host} is ${place}${through}`;
  },
  connect: ({ words, resolved: { port } }) => {
    const software = /remote software version (\S+)/.exec(words.slice(words.lastIndexOf('Remote protocol version')))?.[1];
    return `port ${port} answers${software === undefined ? '' : `: ${software}`}`;
  },
  host_key: ({ words }) => {
    const [, kind, print] = [...words.matchAll(/Server host key: (\S+) (\S+)/g)].at(-1) ?? [];
    return kind === undefined ? 'it is known' : `it is known: ${kind} ${print}`;
  },
  authenticate: ({ words, resolved: { user } }) => {
    const method = [...words.matchAll(/^Authenticated to .* using "([^"]+)"/gm)].at(-1)?.[1];
    return `logged in as ${user}${method === undefined ? '' : ` by ${method}`}`;
  },
  shell: ({ noiseBytes }) =>
    noiseBytes === 0 ? 'it runs commands' : 'it runs commands; what start-up files print beside them is left out',
};

/** Something to type. */
function next(check: Step, { target, resolved, words: said, error }: WayIn): string {
  const { hostname, port } = resolved;
  const words = sshLogin(target);
  // Of ssh itself: our own message may be worded differently.
  const output = String(error?.cause);
  switch (check) {
    case 'resolve':
      return `Is '${hostname}' spelled right? ssh -G ${target.host} | grep hostname shows what is looked up`;
    case 'connect':
      if (isInBetween(said)) return `The way there is closed at ${resolved.via}: look at that machine first`;
      return /Connection refused/.test(output)
        ? `Start its SSH server, or say which port it has: rbee ssh test --ssh-host ${target.host} --ssh-port <port>`
        : `Is it on, and on this network? ping ${hostname}`;
    case 'host_key':
      return /host key .*has changed|IDENTIFICATION HAS CHANGED|REVOKED/i.test(output)
        ? `Only if you know why it has changed: ssh-keygen -R ${port === 22 ? hostname : `'[${hostname}]:${port}'`}`
        : `Log in once by hand, and compare its key: ssh ${words}`;
    case 'authenticate':
      return `Give it your key: ssh-copy-id ${words}. Has it one? Then start your agent: ssh-add`;
    case 'shell':
      return `This should print two words and nothing else: ssh ${words} echo two words </dev/null. Start-up files should do nothing in a shell that nobody types in: put case $- in *i*) ;; *) return ;; esac at the beginning of ~/.bashrc there`;
  }
}
