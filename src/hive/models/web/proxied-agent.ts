import { EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { JobError } from '../../../contract/index.ts';
import type { Patience } from '../limits.ts';
import { lookupFor } from './redirect.ts';

const VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'] as const;
const THIS_MACHINE = 'localhost,127.0.0.1,[::1]';

/**
 * Connects through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, and directly where they name none, and to this machine.
 * A request for an http URL is sent to the proxy as it is: many proxies open tunnels to port 443 only.
 * @param own the URL that was requested: only its host may be this machine
 * @throws JobError invalid_input for a proxy that is not a URL
 */
export function proxiedAgent(own: URL, patience: Patience): Dispatcher {
  for (const name of VARIABLES) assertProxy(name, process.env[name]);
  const options = {
    connect: { timeout: patience.connectMs, lookup: lookupFor(own) },
    proxyTls: { timeout: patience.connectMs },
    requestTls: { timeout: patience.connectMs },
    proxyTunnel: false,
    noProxy: withThisMachine(process.env['no_proxy'] ?? process.env['NO_PROXY'] ?? ''),
  };
  return new EnvHttpProxyAgent(options);
}

/** For messages: a refused connection may be the proxy's. */
export function proxyNames(): string[] {
  return VARIABLES.filter((name) => (process.env[name] ?? '') !== '');
}

function withThisMachine(noProxy: string): string {
  return noProxy.trim() === '*' ? '*' : `${noProxy},${THIS_MACHINE}`;
}

/** A proxy's URL may contain a password: it is not repeated. */
function assertProxy(name: string, value = ''): void {
  const protocol = URL.canParse(value) ? new URL(value).protocol : '';
  if (value === '' || protocol === 'http:' || protocol === 'https:') return;
  throw new JobError(
    'invalid_input',
    `${name}, in the environment of the hive, is not the URL of a proxy: write http://host:port`,
  );
}
