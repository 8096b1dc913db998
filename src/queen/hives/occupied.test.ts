import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hive, SshTarget } from '../../contract/index.ts';
import { openMemoryCatalog } from '../../jobs/index.ts';
import { HiveCatalog } from './hive-catalog.ts';
import { occupied } from './occupied.ts';

/** In the place of ssh -G: 'roof' is another word for 'attic'. */
const SSH = `#!/bin/sh
for host; do :; done
[ "$host" != roof ] || host=attic
printf 'hostname %s\\nuser me\\nport 22\\n' "$host"
`;

const path = process.env['PATH'] ?? '';
let bin: string;
beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'rbee-ssh-'));
  await writeFile(join(bin, 'ssh'), SSH);
  await chmod(join(bin, 'ssh'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${path}`;
});
afterAll(async () => {
  process.env['PATH'] = path;
  await rm(bin, { recursive: true });
});

const hive = (hive_id: string, ssh: SshTarget, more: Partial<Hive> = {}): Hive => ({
  ...{ hive_id, ssh, transport: 'ssh', host: '127.0.0.1', port: 9000, created_at: '2026-11-21T08:00:00.000Z' },
  ...more,
});

async function saidOf(ssh: SshTarget, registered: Hive[]): Promise<string> {
  const hives = new HiveCatalog(openMemoryCatalog(), 9000, () => undefined);
  for (const each of registered) hives.add(each);
  const { code, message } = await occupied('attic', { hiveId: 'other', ssh }, { hives, signal: AbortSignal.timeout(100_000) });
  expect(code).toBe('install_failed');
  return message;
}

test.each([{ host: 'attic' }, { host: 'roof' }])(
  'a machine whose hive is registered, reached as $host, is left to that',
  async (ssh) => {
    const said = `${ssh.host} has the hive 'attic' of this fleet already. Use that name, or remove it first: rbee hive uninstall attic`;
    expect(await saidOf(ssh, [hive('attic', { host: 'attic' })])).toBe(said);
  },
);

test('for a hive that has moved, the advice is not to uninstall it from its new machine', async () => {
  const said = await saidOf({ host: 'attic', port: 2222 }, [hive('attic', { host: 'cellar', user: 'me' })]);
  expect(said).toContain("attic:2222 has the hive 'attic' of this fleet already, which is registered at me@cellar now.");
  expect(said).toContain("put 'other' in its place: ssh -p 2222 attic rm .rbee/fleet, and try again");
  expect(said).not.toContain('uninstall');
});

test('a hive that is no longer registered can be taken back or replaced', async () => {
  const said = await saidOf({ host: '192.0.2.7', user: 'me' }, []);
  expect(said).toContain('To take it back: rbee hive install attic --ssh-host 192.0.2.7 --ssh-user me.');
  expect(said).toContain("Or put 'other' in its place: ssh me@192.0.2.7 rm .rbee/fleet, and try again");
});

test('a hive that was installed, and whose machine has another now, can be forgotten', async () => {
  const other = hive('other', { host: 'attic' }, { version: '0.1.0' });
  const said = await saidOf({ host: 'attic' }, [other, hive('attic', { host: 'attic' })]);
  expect(said).toMatch(/To forget 'other' alone: rbee hive uninstall other --catalog-only$/);
});
