import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { graphicsCards } from './graphics-cards.ts';

let sys: string;
beforeEach(async () => {
  sys = await mkdtemp(join(tmpdir(), 'rbee-sys-'));
});
afterEach(() => rm(sys, { recursive: true }));

/** As the kernel lays it out: a card is a link to the device in its slot. */
async function plug(card: string, slot: string, files: Record<string, string>): Promise<void> {
  await mkdir(join(sys, 'devices', slot), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(sys, 'devices', slot, name), `${text}\n`);
  await mkdir(join(sys, 'drm', card), { recursive: true });
  await symlink(join(sys, 'devices', slot), join(sys, 'drm', card, 'device'));
}

test("AMD's cards are listed with their memory, and connectors are not listed", async () => {
  const memory = { mem_info_vram_total: '17163091968', mem_info_vram_used: '1000000000' };
  await plug('card0', '0000:03:00.0', { vendor: '0x1002', device: '0x73bf', ...memory });
  await mkdir(join(sys, 'drm', 'card0-DP-1'));
  await mkdir(join(sys, 'drm', 'renderD128'));
  expect(await graphicsCards(join(sys, 'drm'))).toEqual([
    { name: 'AMD GPU 1002:73bf', memoryBytes: 17_163_091_968, usedBytes: 1_000_000_000 },
  ]);
});

test("Intel's separate cards are listed; integrated GPUs and NVIDIA's cards are not", async () => {
  await plug('card0', '0000:00:02.0', { vendor: '0x8086', device: '0x3e92' });
  await plug('card1', '0000:0a:00.0', { vendor: '0x10de', device: '0x2684' });
  await plug('card2', '0000:04:00.0', { vendor: '0x8086', device: '0x56a0' });
  const cards = await graphicsCards(join(sys, 'drm'));
  expect(cards.map(({ name }) => name)).toEqual(['Intel GPU 8086:56a0']);
});

test('a machine without GPUs has an empty list', async () => {
  expect(await graphicsCards(join(sys, 'drm'))).toEqual([]);
});
