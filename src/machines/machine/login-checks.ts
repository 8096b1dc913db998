import { sshLogin, sshName, type JobError, type SshCheck, type SshTarget } from '../../contract/index.ts';
import { failureOf, type Resolved } from '../ssh/index.ts';

export interface LoginAttempt {
  target: SshTarget;
  resolved: Resolved;
  /** ssh's output at LogLevel DEBUG1. */
  words: string;
  /** Size of what start-up files there have printed. */
  noiseBytes: number;
  /** Why the login failed. */
  error?: JobError;
}

type Step = 'resolve' | 'connect' | 'host_key' | 'authenticate' | 'shell';

const STEPS: readonly Step[] = ['resolve', 'connect', 'host_key', 'authenticate', 'shell'];

/** The steps from a name to a shell: those that succeeded, and the one that failed. */
export function loginChecks(way: LoginAttempt): SshCheck[] {
  const { error } = way;
  const passed = error === undefined ? STEPS : STEPS.slice(0, STEPS.indexOf(failedStep(way, error)));
  const checks: SshCheck[] = passed.map((check) => ({ check, ok: true, says: passedText[check](way) }));
  if (error === undefined) return checks;
  const check = failedStep(way, error);
  return [...checks, { check, ok: false, says: error.message, next: next(check, way) }];
}

function failedStep({ words, resolved }: LoginAttempt, error: JobError): Step {
  const { code } = error;
  if (isRefusedAtJumpHost(words)) return 'connect';
  if (code === 'ssh_host_key') return 'host_key';
  if (code === 'ssh_denied') return 'authenticate';
  if (code === 'ssh_failed') return 'shell';
  if (failureOf(error)?.reason === 'unknown_name') return 'resolve';
  // Through a jump host, ssh prints the steps of both machines; only the last login is this machine's.
  const login = resolved.via === undefined ? /^Authenticated to /m : /^Authenticated to .*\(via proxy\)/m;
  if (login.test(words)) return 'shell';
  return resolved.via === undefined && /^debug1: Host '.*' is known/m.test(words) ? 'authenticate' : 'connect';
}

/** ssh's words for a connection through a jump host that was refused before it reached this machine. */
function isRefusedAtJumpHost(words: string): boolean {
  return words.includes('by UNKNOWN port 65535');
}

const passedText: Record<Step, (way: LoginAttempt) => string> = {
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
    return kind === undefined ? 'known' : `known: ${kind} ${print}`;
  },
  authenticate: ({ words, resolved: { user } }) => {
    const method = [...words.matchAll(/^Authenticated to .* using "([^"]+)"/gm)].at(-1)?.[1];
    return `logged in as ${user}${method === undefined ? '' : ` with ${method}`}`;
  },
  shell: ({ noiseBytes }) =>
    noiseBytes === 0 ? 'it runs commands' : 'it runs commands; the output of start-up files is ignored',
};

/** What to do next: commands to type. */
function next(check: Step, { target, resolved, words: said, error }: LoginAttempt): string {
  const { hostname, port } = resolved;
  const login = sshLogin(target);
  const reason = failureOf(error)?.reason;
  switch (check) {
    case 'resolve':
      return `Is '${hostname}' spelled correctly? This shows the name that is looked up: ssh -G ${target.host} | grep hostname`;
    case 'connect':
      if (isRefusedAtJumpHost(said)) return `The connection is refused at ${resolved.via}: check that machine first`;
      return reason === 'refused'
        ? `Start its SSH server, or name its port: rbee ssh test --ssh-host ${target.host} --ssh-port <port>`
        : `Is it on, and on this network? ping ${hostname}`;
    case 'host_key':
      return reason === 'key_changed'
        ? `Only if you know why the key has changed: ssh-keygen -R ${port === 22 ? hostname : `'[${hostname}]:${port}'`}`
        : `Log in once by hand and compare the key: ssh ${login}`;
    case 'authenticate':
      return `Add your key: ssh-copy-id ${login}. If it is there already, start your SSH agent: ssh-add`;
    case 'shell':
      return `This should print two words and nothing else: ssh ${login} echo two words </dev/null. Start-up files should do nothing in a non-interactive shell: put case $- in *i*) ;; *) return ;; esac at the top of ~/.bashrc there`;
  }
}
