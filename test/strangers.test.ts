import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { homePaths } from '../src/daemon/index.ts';
import { stranger } from './support/stranger.ts';
import { ENDLESS, testSwarm, type Swarm } from './support/swarm.ts';
import { until } from './support/until.ts';

const token = 'Honey-9f2c4e7a1b';
const prompt = 'a secret question';
const infer = ['infer', prompt, '--max-tokens', '3', '-q'];

let swarm: Swarm;
beforeAll(async () => {
  swarm = await testSwarm({ env: { RBEE_TOKEN: token } });
  // In the place of nvidia-smi: what the hive runs keeps its environment.
  const program = join(swarm.home, 'nvidia-smi');
  writeFileSync(program, `#!/bin/sh\nenv >'${swarm.home}/environment'\n`);
  chmodSync(program, 0o755);
  swarm.env['PATH'] = `${swarm.home}:${swarm.env['PATH'] ?? ''}`;
});
afterAll(() => swarm[Symbol.asyncDispose]());

const healthAs = (role: string) => {
  const { homeId } = homePaths({ RBEE_HOME: swarm.home });
  return { role, name: role === 'hive' ? 'localhost' : role, version: '9.9.9', uptime_s: 1, pid: process.pid, home: homeId };
};
const pidOf = (name: string) =>
  (JSON.parse(readFileSync(join(swarm.home, 'state/run', `${name}.json`), 'utf8')) as { pid: number }).pid;

/** Challenges, and the question what it is. */
function expectNothingTold(heard: string): void {
  const lines = heard.trimEnd().split('\n');
  expect(heard).toContain('GET /v1/proof');
  for (const line of lines) expect(line).toMatch(/^GET \/(v1\/proof|health) /);
  for (const secret of [token, prompt, 'uthorization', 'Count']) expect(heard).not.toContain(secret);
}

test("a foreign program on the queen's port receives nothing, and the message names the port and the variable that moves it", async () => {
  const port = swarm.env['RBEE_QUEEN_PORT'];
  await using other = stranger(port);
  await other.listening;
  for (const args of [['status'], infer, ['queen', 'start']]) {
    const { code, stderr } = await swarm.rbee(args);
    expect(code).toBe(7);
    expect(stderr).toContain(`Port ${port} is used by another program`);
    expect(stderr).toContain('Nothing secret was sent to it.\n  Choose another port: set RBEE_QUEEN_PORT.');
  }
  expect((await swarm.rbee(['doctor'])).stdout).toContain(`port ${port} is used by another program`);
  expectNothingTold(other.heard());
});

test('a foreign program that claims to be the queen of this home is not trusted, and the pid that it reports is not to be stopped', async () => {
  await using other = stranger(swarm.env['RBEE_QUEEN_PORT'], { ...healthAs('queen'), version: versionOf(swarm) });
  await other.listening;
  const { code, stderr } = await swarm.rbee(infer);
  expect(code).toBe(7);
  expect(stderr).toContain('claims to be the queen of this home and does not prove it. Nothing secret was sent to it.');
  expect((await swarm.rbee(['doctor'])).stdout).toContain('does not prove that it is of this home');
  expect(await swarm.rbee(['down'])).toMatchObject({ code: 0 });
  expectNothingTold(other.heard());
});

test("a foreign program on the hive's port receives nothing, and once it is gone, requests run again", async () => {
  const port = swarm.env['RBEE_HIVE_PORT'];
  {
    await using other = stranger(port, healthAs('hive'));
    await other.listening;
    const { code, stderr } = await swarm.rbee(infer);
    expect(code).toBe(7);
    expect(stderr).toContain(`Port ${port}, the local hive's, is taken by a program that answers as a hive and does not prove`);
    expect(stderr).toContain('RBEE_HIVE_PORT');
    const stop = await swarm.rbee(['hive', 'stop']);
    expect(stop).toMatchObject({ code: 7, stderr: expect.stringContaining('Nothing was stopped') as string });
    expect((await swarm.result<{ hives: { state: string }[] }>(['status']))['hives'][0]?.state).not.toBe('stopped');
    expectNothingTold(other.heard());
  }
  expect(await swarm.rbee(infer)).toMatchObject({ code: 0 });
});

test("a foreign program that takes the port of a dead daemon receives nothing from the daemon's clients", async () => {
  const { workers } = await swarm.result<{ workers: { worker_id: string; port: number }[] }>(['worker', 'list']);
  const ports = [
    ['queen', swarm.env['RBEE_QUEEN_PORT']],
    ['hive', swarm.env['RBEE_HIVE_PORT']],
    [workers[0]?.worker_id ?? '', workers[0]?.port],
  ] as const;
  for (const [name, port] of ports) {
    const underWay = swarm.start(ENDLESS);
    await underWay.says('stdout', /true|false/);
    await using other = stranger(port);
    process.kill(pidOf(name), 'SIGKILL');
    await other.listening;
    await until(() => other.heard().includes('GET /v1/proof'));
    underWay.child.kill('SIGKILL');
    await underWay.ended;
    await swarm.rbee(infer);
    expectNothingTold(other.heard());
  }
});

test('a program that a daemon runs does not inherit the token', async () => {
  const file = join(swarm.home, 'environment');
  expect(existsSync(file)).toBe(true);
  const environment = readFileSync(file, 'utf8');
  expect(environment).toContain('RBEE_HOME=');
  expect(environment).not.toContain('RBEE_TOKEN');
});

function versionOf({ entry }: Swarm): string {
  const { version } = JSON.parse(readFileSync(join(entry, '../../package.json'), 'utf8')) as { version: string };
  return version;
}

test('connect names the variable of the token, also where the shell does not have it, and never prints its value', async () => {
  await swarm.result(['worker', 'list']);
  for (const env of [token, '']) {
    swarm.env['RBEE_TOKEN'] = env;
    const { code, stdout, stderr } = await swarm.rbee(['connect', 'claude-code']);
    swarm.env['RBEE_TOKEN'] = token;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('export ANTHROPIC_AUTH_TOKEN="$RBEE_TOKEN"');
    expect(stdout).not.toContain(token);
  }
});
