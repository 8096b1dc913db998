import { JobError, type SshCheck } from '../../contract/index.ts';
import { isGlibcTooOld } from '../kit/index.ts';
import { gpuFinding } from './gpu-finding.ts';
import { platformOf } from './kit-target.ts';
import type { Machine } from './machine.ts';

export type Finding = Omit<SshCheck, 'check'>;

/** The engine, Node and the small model that comes along, twice over during an update. */
const LEAST_DISK_BYTES = 1e9;

/** A day: what a certificate may be off by. */
const WRONG_CLOCK_H = 24;

/** What a machine is, and for each thing whether a hive can live with it. In the order in which it is asked. */
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
      version === undefined
        ? { ok: true, says: 'nothing is installed yet' }
        : { ok: true, says: `${version} is installed`, version },
  ],
];

/**
 * What a hive cannot do without, before anything is packed or sent. Its kind of system and its disk are looked at closely for the kit.
 * @throws JobError install_failed
 */
export function requireFit(machine: Machine): void {
  for (const find of [toolsOf, homeOf]) {
    const { ok, says, next = '' } = find(machine);
    if (!ok) throw new JobError('install_failed', `No hive can be installed there: ${says}. ${next}`);
  }
  if (machine.room_error !== undefined)
    throw new JobError('disk_full', `The disk of the machine has no room for a hive: ${machine.room_error}`);
}

function systemOf(machine: Machine): Finding {
  const { arch, bits, system } = machine;
  const says = `${system}, ${arch}${bits === 64 ? '' : `, ${bits}-bit programs`}`;
  const isKnown = platformOf(machine) !== undefined;
  return isKnown
    ? { ok: true, ...withClock(says, machine) }
    : { ok: false, says, next: 'rbee runs on 64-bit Linux and macOS, on x64 and ARM.' };
}

/** It needs none that is right, but what it fetches over https does. */
function withClock(says: string, { clock_ahead_s }: Machine): Omit<Finding, 'ok'> {
  const hours = Math.round(Math.abs(clock_ahead_s) / 3600);
  if (hours < WRONG_CLOCK_H) return { says };
  const off = hours < 72 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
  const side = clock_ahead_s > 0 ? 'ahead of' : 'behind';
  const next = 'Where its clock is wrong, no model can be fetched over https. There: sudo timedatectl set-ntp true';
  return { says: `${says}; its clock is ${off} ${side} the one here`, next };
}

function toolsOf({ lacks }: Machine): Finding {
  if (lacks.length === 0) return { ok: true, says: 'all that installing takes' };
  const next = `Install ${lacks.length === 1 ? 'it' : 'them'} there with its package manager.`;
  return { ok: false, says: `the machine has no ${lacks.join(', no ')}`, next };
}

function homeOf({ home, write_error, run_error }: Machine): Finding {
  if (write_error !== undefined && !isFull(write_error)) {
    const next = `A hive lives in ~/.rbee. Is ${home} there, does it belong to this user, is it mounted read-only? ls -ld ${home}; findmnt -T ${home}`;
    return { ok: false, says: `nothing can be written to ${home}: ${write_error}`, next };
  }
  if (run_error === undefined) return { ok: true, says: `programs can be put into ${home} and run there` };
  const next = `Is it mounted noexec? findmnt -T ${home}. As root: mount -o remount,exec <that mount>. Or let ~/.rbee lead elsewhere: ln -s <a folder of this user on another disk> ~/.rbee`;
  return { ok: false, says: `no program can be run from ${home}: ${run_error}`, next };
}

/** As the C library says it, with LC_ALL=C. */
function isFull(error: string): boolean {
  return /space|quota/i.test(error);
}

function libcOf({ os, libc, system }: Machine): Finding {
  if (os === 'Darwin') return { ok: true, says: `that of ${system}` };
  if (libc.kind === 'other') return { ok: true, says: 'unknown; installing tries it before anything is changed' };
  const isGood = libc.kind === 'glibc' && !isGlibcTooOld(libc.version);
  const next = 'rbee needs glibc 2.34 or newer: a newer Linux, or another distribution.';
  return { ok: isGood, says: libc.kind === 'glibc' ? `glibc ${libc.version}` : 'musl', ...(isGood ? {} : { next }) };
}

function diskOf({ disk_free_bytes, home, write_error, room_error }: Machine): Finding {
  const says = `${(disk_free_bytes / 1e9).toFixed(1)} GB free in ${home}`;
  const why = [write_error, room_error].find((error) => error !== undefined && isFull(error));
  const isEnough = disk_free_bytes >= LEAST_DISK_BYTES;
  if (isEnough && why === undefined) return { ok: true, says };
  const next = `Free some space there, at least ${LEAST_DISK_BYTES / 1e9} GB: df -h ${home}`;
  if (!isEnough) return { ok: false, says, next };
  return { ok: false, says: `${says}, but not for this user: ${why}`, next: `${next}; quota -s` };
}
