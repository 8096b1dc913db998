import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localMachine } from '../ssh/fixtures/local-shell.ts';
import { parseMachine } from './machine.ts';
import { MACHINE_SCRIPT } from './script.ts';

const shells = ['/bin/sh', '/bin/bash'].filter((file) => existsSync(file));
const radeon = { vendor: '1002', id: '73bf', slot: '0000:03:00.0' };
const arc = { vendor: '8086', id: '56a0', slot: '0000:04:00.0' };
const iris = { vendor: '8086', id: 'a7a0', slot: '0000:00:02.0' };

/** The file system of another machine, with the files that the script reads. */
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rbee-root-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe.each(shells)('the machine script, run by %s,', (sh) => {
  test('finds an AMD GPU with its driver, and does not count its connectors', async () => {
    await card(0, radeon);
    await mesa('radeon_icd.x86_64.json');
    await put('sys/class/drm/card0-HDMI-A-1/device/vendor', '0x1002\n');
    await put('sys/class/drm/version', 'drm 1.1.0 20060810\n');
    expect(await look(sh)).toMatchObject({ gpus: [{ name: 'AMD GPU 1002:73bf', engine: 'vulkan' }] });
  });

  test('finds an AMD GPU without a driver, and one without a device', async () => {
    await card(0, radeon);
    expect((await look(sh)).gpus).toEqual([{ name: 'AMD GPU 1002:73bf', engine: 'vulkan', lacks: 'driver' }]);
    await rm(join(root, 'dev'), { recursive: true });
    expect((await look(sh)).gpus).toMatchObject([{ lacks: 'device' }]);
  });

  test("leaves out Intel's integrated GPU, and finds its separate card", async () => {
    await card(0, iris);
    await mesa('intel_icd.x86_64.json');
    expect((await look(sh)).gpus).toEqual([]);
    await card(1, arc);
    await program(
      'lspci',
      `[ "$*" = '-mm -s ${arc.slot}' ] && echo '04:00.0 "VGA compatible controller" "Intel Corporation" "DG2 [Arc A770]" -r08 "Intel" "Device 1020"'`,
    );
    expect((await look(sh)).gpus).toEqual([{ name: 'Intel Arc A770', engine: 'vulkan' }]);
  });

  test('finds cards of NVIDIA and AMD in one machine', async () => {
    await card(0, { vendor: '10de', id: '2684', slot: '0000:01:00.0' });
    await card(1, radeon);
    await put('sys/class/drm/card1/device/product_name', 'AMD Instinct MI210\n');
    await mesa('radeon_icd.x86_64.json');
    await program(
      'nvidia-smi',
      `echo 'GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-1)'; echo '  MIG 1g.10gb Device 0: (UUID: MIG-1)'`,
    );
    expect((await look(sh)).gpus).toEqual([
      { name: 'NVIDIA GeForce RTX 4090', engine: 'cuda' },
      { name: 'AMD Instinct MI210', engine: 'vulkan' },
    ]);
  });

  test('does not mistake an error of a driver for the name of a GPU', async () => {
    await program('nvidia-smi', "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18");
    expect((await look(sh)).gpus).toEqual([]);
  });

  test('loses only the answer of a hanging driver, and kills the program', async () => {
    await card(0, radeon);
    await mesa('radeon_icd.x86_64.json');
    await program('nvidia-smi', `echo $$ >${root}/pid; exec /bin/sleep 60`);
    await program('sleep', 'exec /bin/sleep 0.5');
    expect((await look(sh, ['sleep'])).gpus).toMatchObject([{ engine: 'vulkan' }]);
    const pid = Number(await readFile(join(root, 'pid'), 'utf8'));
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  });

  test('distinguishes musl, glibc and neither', async () => {
    expect((await look(sh)).libc.kind).toBe('glibc');
    expect((await look(sh, ['getconf'])).libc).toEqual({ kind: 'other' });
    await put('lib/ld-musl-x86_64.so.1', '');
    expect((await look(sh, ['getconf'])).libc).toEqual({ kind: 'musl' });
  });

  test("reports the system's name and its package manager", async () => {
    expect(await look(sh)).toMatchObject({ system: 'Linux', packages: 'other' });
    await put('etc/os-release', 'ID=hive\nPRETTY_NAME="Hive OS 1 (comb)"\n');
    await program('apt-get', '');
    expect(await look(sh)).toMatchObject({ system: 'Hive OS 1 (comb)', packages: 'apt' });
  });
});

async function look(sh: string, without: string[] = []) {
  await using machine = await localMachine({ sh, without });
  return parseMachine(
    await machine.shell.run(MACHINE_SCRIPT, { args: [root], signal: AbortSignal.timeout(100_000), withinMs: 100_000 }),
  );
}

/** Laid out as in sysfs: links from the list of all cards to each card on its bus. */
async function card(number: number, { vendor, id, slot }: { vendor: string; id: string; slot: string }): Promise<void> {
  const device = `sys/devices/pci0000:00/${slot}`;
  await put(`${device}/vendor`, `0x${vendor}\n`);
  await put(`${device}/device`, `0x${id}\n`);
  await put(`${device}/drm/renderD${128 + number}/dev`, '226:128\n');
  await put(`dev/dri/renderD${128 + number}`, '');
  await mkdir(join(root, device, 'drm', `card${number}`));
  await symlink(`../../../${slot}`, join(root, device, 'drm', `card${number}`, 'device'));
  await mkdir(join(root, 'sys/class/drm'), { recursive: true });
  await symlink(`../../devices/pci0000:00/${slot}/drm/card${number}`, join(root, `sys/class/drm/card${number}`));
}

async function mesa(manifest: string): Promise<void> {
  await put('usr/lib/x86_64-linux-gnu/libvulkan.so.1', '');
  await put(`usr/share/vulkan/icd.d/${manifest}`, '{}');
}

async function program(name: string, script: string): Promise<void> {
  await put(`usr/local/bin/${name}`, `#!/bin/sh\n${script}\n`, 0o755);
}

async function put(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text, { mode });
}
