import { readdirSync } from 'node:fs';
import { done } from './done.ts';

/** A network switch that connects this machine and the hosts, each in its own network namespace. */
export interface Bridge {
  address: string;
  addressOf(at: number): string;
  namespaceOf(name: string): string;
  plugIn(name: string, address: string): Promise<void>;
  drop(name: string): Promise<void>;
  down(name: string): Promise<void>;
  restore(name: string, address: string): Promise<void>;
  slow(name: string, how: { delayMs?: number; mbitPerS?: number }): Promise<void>;
  remove(): Promise<void>;
}

/** 198.18.0.0/15 is reserved for network tests; each bridge of this machine has its own part of it. */
const SUBNETS = 512;

const ip = (...words: readonly string[]) => done('ip', words);

export async function bridgeOfHosts(): Promise<Bridge> {
  await sweep();
  const { id, link } = await claim();
  const subnet = `198.${18 + (id >> 8)}.${id & 255}`;
  const prefix = `rbee-${process.pid}-${id}-`;
  const cables = new Map<string, { cable: string; mac: string; address: string }>();
  const cableOf = (name: string) => {
    const cable = cables.get(name);
    if (cable === undefined) throw new Error(`${name} is not plugged in`);
    return cable;
  };
  const bridge: Bridge = {
    address: `${subnet}.1`,
    addressOf: (at) => `${subnet}.${10 + at}`,
    namespaceOf: (name) => `${prefix}${name}`,
    async plugIn(name, address) {
      const namespace = bridge.namespaceOf(name);
      const at = cables.size;
      const cable = `${link}v${at}`;
      const mac = `02:00:00:${hex(id >> 8)}:${hex(id & 255)}:${hex(at + 1)}`;
      cables.set(name, { cable, mac, address });
      await ip('netns', 'add', namespace);
      await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', namespace);
      const inside = (...words: readonly string[]) => ip('-n', namespace, ...words);
      await inside('address', 'add', `${address}/24`, 'dev', 'eth0');
      await inside('link', 'set', 'lo', 'up');
      await inside('link', 'set', 'eth0', 'up');
      await bridge.restore(name, address);
    },
    async restore(name, address) {
      const { cable, mac } = cableOf(name);
      await ip('link', 'set', cable, 'master', link, 'up');
      // A permanent neighbour entry: while packets are dropped, ARP would fail first.
      await ip('neigh', 'replace', address, 'lladdr', mac, 'dev', link, 'nud', 'permanent');
    },
    async drop(name) {
      await ip('link', 'set', cableOf(name).cable, 'nomaster');
    },
    async down(name) {
      const { cable, address } = cableOf(name);
      await ip('link', 'set', cable, 'down');
      await ip('neigh', 'del', address, 'dev', link);
    },
    async slow(name, { delayMs = 0, mbitPerS }) {
      const rate = mbitPerS === undefined ? [] : ['rate', `${mbitPerS}mbit`];
      const shape = ['netem', 'delay', `${delayMs}ms`, ...rate];
      await done('tc', ['qdisc', 'replace', 'dev', cableOf(name).cable, 'root', ...shape]);
    },
    async remove() {
      for (const name of cables.keys()) await ip('netns', 'delete', bridge.namespaceOf(name));
      for (const { cable } of cables.values()) await ip('link', 'delete', cable).catch(() => undefined); // It was deleted with its other end.
      await ip('link', 'delete', link);
    },
  };
  await ip('address', 'add', `${bridge.address}/24`, 'dev', link);
  await ip('link', 'set', link, 'up');
  return bridge;
}

/** Creating the link claims the number: a second link of that name fails. */
async function claim(): Promise<{ id: number; link: string }> {
  for (let tries = 0; ; tries += 1) {
    const id = Math.floor(Math.random() * SUBNETS);
    const link = `rbee${id}`;
    try {
      // With its own MAC address, which does not change with the connected hosts.
      await ip(
        'link',
        'add',
        link,
        'address',
        `02:00:00:${hex(id >> 8)}:${hex(id & 255)}:00`,
        'type',
        'bridge',
        'forward_delay',
        '0',
      );
      return { id, link };
    } catch (error) {
      if (tries === 20 || !String(error).includes('File exists')) throw error;
    }
  }
}

/** Leftovers of killed test runs. */
async function sweep(): Promise<void> {
  const names = await ip('netns', 'list');
  const alive = new Set(readdirSync('/proc'));
  const stale = [...names.matchAll(/^(rbee-(\d+)-(\d+)-\S+)/gm)].filter(([, , pid = '']) => !alive.has(pid));
  for (const [, namespace = ''] of stale) await ip('netns', 'delete', namespace).catch(() => undefined);
  for (const id of new Set(stale.map(([, , , number]) => number))) await ip('link', 'delete', `rbee${id}`).catch(() => undefined);
}

const hex = (byte: number) => byte.toString(16).padStart(2, '0');
