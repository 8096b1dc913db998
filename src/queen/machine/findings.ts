import type { SshCheck } from '../../contract/index.ts';
import { isGlibcTooOld } from '../kit/target.ts';
import type { Machine } from './machine.ts';

type Finding = Omit<SshCheck, 'check'>;

/** The engine, Node and the small model that comes along, twice over during an update. */
const LEAST_DISK_BYTES = 1e9;
const ARCHS = new Set(['x86_64', 'amd64', 'aarch64', 'arm64']);

/** What a machine is, and for each thing whether a hive can live with it. In the order in which it is asked. */
export const findings: readonly [SshCheck['check'], (machine: Machine) => Finding][] = [
  ['system', systemOf],
  ['libc', libcOf],
  ['disk', diskOf],
  ['gpu', ({ gpus }) => ({ ok: true, says: gpus.length === 0 ? 'none; its CPU computes' : gpus.join(', ') })],
  [
    'rbee',
    ({ installed }) => ({ ok: true, says: installed === undefined ? 'nothing is installed yet' : `${installed} is installed` }),
  ],
];

function systemOf({ os, arch, bits, system }: Machine): Finding {
  const says = `${system}, ${arch}${bits === 64 ? '' : `, ${bits}-bit programs`}`;
  const isKnown = (os === 'Linux' || os === 'Darwin') && ARCHS.has(arch) && bits === 64;
  return isKnown ? { ok: true, says } : { ok: false, says, next: 'rbee runs on 64-bit Linux and macOS, on x64 and ARM.' };
}

function libcOf({ os, libc, system }: Machine): Finding {
  if (os === 'Darwin') return { ok: true, says: `that of ${system}` };
  const next = 'rbee needs glibc 2.34 or newer: a newer Linux, or another distribution.';
  if (libc.kind !== 'glibc') return { ok: false, says: libc.kind === 'musl' ? 'musl' : 'neither glibc nor musl', next };
  const isOld = isGlibcTooOld(libc.version);
  return { ok: !isOld, says: `glibc ${libc.version}`, ...(isOld ? { next } : {}) };
}

function diskOf({ disk_free_bytes, home }: Machine): Finding {
  const says = `${(disk_free_bytes / 1e9).toFixed(1)} GB free in ${home}`;
  if (disk_free_bytes >= LEAST_DISK_BYTES) return { ok: true, says };
  return { ok: false, says, next: `Free some space there, at least ${LEAST_DISK_BYTES / 1e9} GB: df -h ${home}` };
}
