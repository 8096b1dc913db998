import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { freePorts, leftovers, testSwarm, type Swarm } from './support/swarm.ts';

test('hive up starts a hive as requested, and does nothing if it already runs so; hive halt stops it and its workers', async () => {
  await using swarm = await testSwarm();
  const tokenFile = join(swarm.home, 'token');
  await writeFile(tokenFile, 'secret\n');
  const up = (...more: string[]) => upJson(swarm, ['--id', 'attic', '--token-file', tokenFile, ...more]);
  const first = await up();
  expect(first).toMatchObject({ port: Number(new URL(swarm.hiveUrl).port), started: true });
  expect(await up()).toEqual({ ...first, started: false });
  expect((await fetch(`${swarm.hiveUrl}/health`)).status).toBe(401);

  const [other = 0] = await freePorts(1);
  const moved = await up('--port', String(other));
  expect(moved).toMatchObject({ port: other, started: true });
  await writeFile(tokenFile, 'another\n');
  const renewed = await up();
  expect(renewed, 'a hive with the old token lets us in no more').toMatchObject({ port: other, started: true });
  expect(renewed['pid']).not.toBe(moved['pid']);

  expect(await swarm.result(['hive', 'halt'])).toMatchObject({ stopped: [{ name: 'hive', pid: renewed['pid'] }] });
  expect(await swarm.result(['hive', 'halt'])).toEqual({ stopped: [] });
  expect((await swarm.rbee(['hive', 'halt'])).stdout).toBe('no hive is running\n');
  expect(await up(), 'its port is the last one').toMatchObject({ port: other, started: true });
  await swarm.result(['hive', 'halt']);
  const lastPort = join(swarm.home, 'data', 'hive-port');
  expect(await readFile(lastPort, 'utf8')).toBe(`${other}\n`);
  await rm(lastPort);
  await mkdir(lastPort);
  expect(await up(), 'it runs also where its port cannot be kept').toMatchObject({ started: true });
  const { stdout } = await swarm.rbee(['hive', '--help']);
  expect(stdout).not.toMatch(/^ {2}(up|halt)\b/m);
});

test('of several concurrent hive up commands, one starts the hive and the others find it', async () => {
  await using swarm = await testSwarm();
  for (const when of ['for the first time', 'on its last port']) {
    const all = await Promise.all([1, 2, 3].map(() => upJson(swarm, ['--id', 'attic'])));
    expect(
      all.filter(({ started }) => started === true),
      when,
    ).toHaveLength(1);
    expect(new Set(all.map(({ pid, port }) => `${String(pid)} ${String(port)}`)).size, when).toBe(1);
    await swarm.result(['hive', 'halt']);
    expect(leftovers(swarm.home)).toEqual([]);
  }
});

test('hive up fails on a requested port that is in use, and replaces a previous port that is in use', async () => {
  await using swarm = await testSwarm();
  await using stranger = await testSwarm();
  const taken = await upJson(stranger, ['--id', 'cellar']);
  const refused = await swarm.rbee(['hive', 'up', '--id', 'attic', '--port', String(taken['port']), '--json']);
  expect(refused.stdout).toContain('"code":"port_taken"');
  const lastPort = join(swarm.home, 'data', 'hive-port');
  await mkdir(dirname(lastPort), { recursive: true });
  await writeFile(lastPort, `${String(taken['port'])}\n`);
  const other = await upJson(swarm, ['--id', 'attic']);
  expect(other['port']).not.toBe(taken['port']);
  expect(await readFile(lastPort, 'utf8')).toBe(`${String(other['port'])}\n`);
});

/** For people too it prints the one line of JSON. */
async function upJson(swarm: Swarm, args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await swarm.rbee(['hive', 'up', ...args]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}
