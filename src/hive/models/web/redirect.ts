import * as dns from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** This machine itself, and what only it and its hypervisor can see, where cloud machines keep their credentials. */
const OWN = new BlockList();
OWN.addSubnet('0.0.0.0', 8);
OWN.addSubnet('127.0.0.0', 8);
OWN.addSubnet('169.254.0.0', 16);
OWN.addSubnet('100.100.100.200', 32);
OWN.addAddress('::', 'ipv6');
OWN.addAddress('::1', 'ipv6');
OWN.addSubnet('fe80::', 10, 'ipv6');
OWN.addAddress('fd00:ec2::254', 'ipv6');

function isOwn(address: string): boolean {
  return OWN.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** A URL has an IPv6 address in brackets. */
function hostIn({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}

/**
 * Whether a server may redirect a download to this address. A request chooses the server of a model; the server must not choose what
 * this machine requests from itself.
 */
export function mayRedirect(own: URL, to: URL): boolean {
  if (to.protocol !== 'http:' && to.protocol !== 'https:') return false;
  return isLocal(own) || !isLocal(to);
}

function isLocal(url: URL): boolean {
  const host = hostIn(url);
  return isIP(host) === 0 ? host === 'localhost' || host.endsWith('.localhost') : isOwn(host);
}

/** Resolves names for a download, and refuses those of this machine, except the name in the request. */
export function lookupFor(own: URL): LookupFunction {
  return (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (cause, found) => {
      if (cause !== null) return callback(cause, '');
      const usable =
        isLocal(own) || hostname.toLowerCase() === hostIn(own) ? found : found.filter(({ address }) => !isOwn(address));
      const [first] = usable;
      if (first === undefined) return callback(notFollowed(hostname), '');
      if (options.all === true) return callback(null, usable);
      return callback(null, first.address, first.family);
    });
  };
}

function notFollowed(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`'${hostname}' is this machine itself, and a redirect there is not followed`), {
    code: 'EREDIRECT',
  });
}
