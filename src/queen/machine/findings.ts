import type { SshCheck } from '../../contract/index.ts';
import { isGlibcTooOld } from '../kit/index.ts';
import { gpuFinding } from './gpu-finding.ts';
import { platformOf } from './kit-target.ts';
import type { Machine } from './machine.ts';

export type Finding = Omit<SshCheck, 'check'>;

/** The engine, Node and the small model that comes along, twice over during an update. */
const LEAST_DISK_BYTES = 1e9;

/** What a machine is, and for each thing whether a hive can live with it. In the order in which it is asked. */
export const findings: readonly [SshCheck['check'], (machine: Machine) => Finding][] = [
  ['system', systemOf],
  ['libc', libcOf],
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

function systemOf(machine: Machine): Finding {
  const { arch, bits, system } = machine;
  const says = `${system}, ${arch}${bits === 64 ? '' : `, ${bits}-bit programs`}`;
  const isKnown = platformOf(machine) !== undefined;
  return isKnown ? { ok: true, says } : { ok: false, says, next: 'rbee runs on 64-bit Linux and macOS, on x64 and ARM.' };
}

function libcOf({ os, libc, system }: Machine): Finding {
  if (os === 'Darwin') return { ok: true, says: `that of ${system}` };
  if (libc.kind === 'other') return { ok: true, says: 'unknown; installing tries it before anything is changed' };
  const isGood = libc.kind === 'glibc' && !isGlibcTooOld(libc.version);
  const next = 'rbee needs glibc 2.34 or newer: a newer Linux, or another distribution.';
  return { ok: isGood, says: libc.kind === 'glibc' ? `glibc ${libc.version}` : 'musl', ...(isGood ? {} : { next }) };
}

function diskOf({ disk_free_bytes, home }: Machine): Finding {
  const says = `${(disk_free_bytes / 1e9).toFixed(1)} GB free in ${home}`;
  if (disk_free_bytes >= LEAST_DISK_BYTES) return { ok: true, says };
  return { ok: false, says, next: `Free some space there, at least ${LEAST_DISK_BYTES / 1e9} GB: df -h ${home}` };
}
