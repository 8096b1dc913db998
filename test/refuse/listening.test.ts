import { networkInterfaces } from 'node:os';
import { connect } from 'node:net';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts, testSwarm, type Swarm } from '../support/swarm.ts';

let swarm: Swarm;
let port: number;
beforeAll(async () => {
  swarm = await testSwarm();
  [port = 0] = await freePorts(1);
});
afterAll(() => swarm[Symbol.asyncDispose]());

const lanAddress =
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '192.0.2.1';

const daemons = ['queen', 'hive'] as const;
/** What else is beyond this machine: src/jobs/server/guard.test.ts. */
const beyond = ['0.0.0.0', '', lanAddress];

test.each(daemons.flatMap((role) => beyond.map((host) => [role, host] as const)))(
  'a %s without a token refuses to listen on %j, with a reason',
  async (role, host) => {
    const { code, stdout, stderr } = await swarm.rbee([role, 'run', '--host', host, '--port', String(port)]);
    expect(stdout + stderr).toContain(`Listening on ${host} needs a token: set RBEE_TOKEN, or listen on 127.0.0.1`);
    expect(stderr).toMatch(/^Error: Listening/);
    expect(stdout + stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(8);
    await expect(isListening(port)).resolves.toBe(false);
  },
);

test.each(daemons)('a %s treats an empty RBEE_TOKEN as none', async (role) => {
  await using other = await testSwarm({ env: { RBEE_TOKEN: '' } });
  const { code } = await other.rbee([role, 'run', '--host', '0.0.0.0', '--port', String(port)]);
  expect(code).toBe(8);
});

test.each(daemons)('a %s reports a token that cannot be sent in a header, without printing it', async (role) => {
  await using other = await testSwarm({ env: { RBEE_TOKEN: 'honey\n' } });
  const { code, stdout, stderr } = await other.rbee([role, 'run', '--port', String(port)]);
  expect(stdout + stderr).toContain('RBEE_TOKEN contains characters that no HTTP header can carry');
  expect(stdout + stderr).not.toContain('honey');
  expect(code).toBe(2);
});

test.each(daemons)('a %s with a token listens on all addresses, and requires the token', async (role) => {
  await using other = await testSwarm({ env: { RBEE_TOKEN: 'honey' } });
  const running = other.start([role, 'run', '--host', '0.0.0.0', '--port', String(port)]);
  await running.says('stdout', /is ready on port/);
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(401);
  expect((await fetch(`http://127.0.0.1:${port}/health`, { headers: { authorization: 'Bearer honey' } })).status).toBe(200);
  running.child.kill();
  expect((await running.ended).code).toBe(0);
});

test.skipIf(process.platform !== 'linux')('by default no daemon can be reached from outside this machine', async () => {
  expect((await swarm.rbee(['infer', '-q', 'hello'])).code).toBe(0);
  const { workers } = await swarm.result<{ workers: { port: number }[] }>(['worker', 'list']);
  const ports = [swarm.env['RBEE_QUEEN_PORT'], swarm.env['RBEE_HIVE_PORT'], workers[0]?.port].map(Number);
  const listening = await listeningAddresses();
  for (const each of ports) expect(listening.get(each)).toEqual(['127.0.0.1']);
});

/** Addresses by port, as the kernel has them. Linux only. */
async function listeningAddresses(): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8')).split('\n').slice(1)) {
      const [, local = '', , state] = line.trim().split(/\s+/);
      const [address = '', hexPort = ''] = local.split(':');
      const LISTEN = '0A';
      if (state !== LISTEN) continue;
      const at = Number.parseInt(hexPort, 16);
      found.set(at, [...(found.get(at) ?? []), address === '0100007F' ? '127.0.0.1' : address]);
    }
  }
  return found;
}

function isListening(at: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
