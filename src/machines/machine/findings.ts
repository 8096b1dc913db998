import { JobError, type SshCheck } from '../../contract/index.ts';
import { reportsFullDisk } from '../disk-full.ts';
import { isGlibcTooOld } from '../kit/index.ts';
import type { Finding } from './finding.ts';
import { gpuFinding } from './gpu-finding.ts';
import { platformOf } from './kit-target.ts';
import type { Machine } from './machine.ts';

/** The engine, Node and the built-in small model, twice during an update. */
const LEAST_DISK_BYTES = 1e9;

/** A day: a certificate tolerates no more. */
const WRONG_CLOCK_H = 24;

/** Each property of a machine, and whether a hive can run with it. In the order of the checks. */
export const findings: readonly [SshCheck['check'], (machine: Machine) => Finding][] = [
  ['system', systemOf],
  ['libc', libcOf],
  ['tools', toolsOf],
  ['home', homeOf],
  ['disk', diskOf],
  ['gpu', gpuFinding],
  [
    'rbee',
    ({ installed: version }) =>
      version === undefined ? { ok: true, says: 'not installed yet' } : { ok: true, says: `${version} is installed`, version },
  ],
];

/**
 * Checks what every hive needs, before anything is packed or sent. The kind of system and the disk are checked for the kit itself.
 * @throws JobError install_failed
 */
export function requireFit(machine: Machine): void {
  for (const find of [toolsOf, homeOf]) {
    const { ok, says, next = '' } = find(machine);
    if (!ok) throw new JobError('install_failed', `No hive can be installed on the machine: ${says}. ${next}`);
  }
  if (machine.room_error !== undefined)
    throw new JobError('disk_full', `The disk of the machine has no space for a hive: ${machine.room_error}`);
}

function systemOf(machine: Machine): Finding {
  const { arch, bits, system } = machine;
  const says = `${system}, ${arch}${bits === 64 ? '' : `, ${bits}-bit programs`}`;
  const isKnown = platformOf(machine) !== undefined;
  return isKnown
    ? { ok: true, ...withClock(says, machine) }
    : { ok: false, says, next: 'rbee runs on 64-bit Linux and macOS, on x64 and ARM.' };
}

/** A hive runs with a wrong clock, but https does not. */
function withClock(says: string, { clock_ahead_s }: Machine): Omit<Finding, 'ok'> {
  const hours = Math.round(Math.abs(clock_ahead_s) / 3600);
  if (hours < WRONG_CLOCK_H) return { says };
  const off = hours < 72 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
  const side = clock_ahead_s > 0 ? 'ahead of' : 'behind';
  const next = 'With a wrong clock, no model can be downloaded over https. There: sudo timedatectl set-ntp true';
  return { says: `${says}; its clock is ${off} ${side} this machine's`, next };
}

function toolsOf({ lacks }: Machine): Finding {
  if (lacks.length === 0) return { ok: true, says: 'everything that an install needs' };
  const next = `Install ${lacks.length === 1 ? 'it' : 'them'} there with its package manager.`;
  return { ok: false, says: `the machine has no ${lacks.join(', no ')}`, next };
}

function homeOf({ home, write_error, run_error }: Machine): Finding {
  if (write_error !== undefined && !reportsFullDisk(write_error)) {
    const next = `A hive is installed in ~/.rbee. Does ${home} exist, does this user own it, is it mounted read-only? ls -ld ${home}; findmnt -T ${home}`;
    return { ok: false, says: `${home} is not writable: ${write_error}`, next };
  }
  if (run_error === undefined) return { ok: true, says: `programs can be installed in ${home} and run there` };
  const next = `Is it mounted noexec? findmnt -T ${home}. As root: mount -o remount,exec <that mount>. Or make ~/.rbee a link: ln -s <a folder of this user on another disk> ~/.rbee`;
  return { ok: false, says: `programs in ${home} cannot be run: ${run_error}`, next };
}

function libcOf({ os, libc, system }: Machine): Finding {
  if (os === 'Darwin') return { ok: true, says: `part of ${system}` };
  if (libc.kind === 'other') return { ok: true, says: 'unknown; an install tries the kit before it changes anything' };
  const isGood = libc.kind === 'glibc' && !isGlibcTooOld(libc.version);
  const next = 'rbee needs glibc 2.34 or newer: install a newer Linux, or another distribution.';
  return { ok: isGood, says: libc.kind === 'glibc' ? `glibc ${libc.version}` : 'musl', ...(isGood ? {} : { next }) };
}

function diskOf({ disk_free_bytes, home, write_error, room_error }: Machine): Finding {
  const says = `${(disk_free_bytes / 1e9).toFixed(1)} GB free in ${home}`;
  const why = [write_error, room_error].find((error) => error !== undefined && reportsFullDisk(error));
  const isEnough = disk_free_bytes >= LEAST_DISK_BYTES;
  if (isEnough && why === undefined) return { ok: true, says };
  const next = `Free some space there, at least ${LEAST_DISK_BYTES / 1e9} GB: df -h ${home}`;
  if (!isEnough) return { ok: false, says, next };
  return { ok: false, says: `${says}, but not for this user: ${why}`, next: `${next}; quota -s` };
}
