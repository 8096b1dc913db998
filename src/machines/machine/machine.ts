import * as z from 'zod';
import { JobError } from '../../contract/index.ts';
import type { Shell } from '../ssh/index.ts';
import { gpuFacts, gpusOf, type Gpu } from './gpus.ts';
import { BEGIN, END, MACHINE_SCRIPT } from './script.ts';

/** The properties that a machine reports. */
export interface Machine {
  /** Output of uname -s: 'Linux', 'Darwin'. */
  os: string;
  /** Output of uname -m: 'x86_64', 'aarch64', 'arm64'. */
  arch: string;
  /** Of its programs: a 64-bit kernel may run 32-bit ones. */
  bits: number;
  /** The system's own name, such as 'Debian GNU/Linux 12 (bookworm)'. */
  system: string;
  libc: { kind: 'glibc'; version: string } | { kind: 'musl' | 'other' };
  /** Its package manager. */
  packages: 'apt' | 'other';
  home: string;
  /** Missing programs that the scripts of a hive need. */
  lacks: string[];
  /** The error of a write to its home folder, or to ~/.rbee where that exists; undefined where it succeeded. */
  write_error?: string;
  /** The error of running a program from there; undefined where it succeeded. */
  run_error?: string;
  /** Why a hive does not fit although the disk has space: a quota. */
  room_error?: string;
  /** How far its clock is ahead of this machine's; negative where it is behind. */
  clock_ahead_s: number;
  disk_free_bytes: number;
  gpus: Gpu[];
  /** Version of the rbee behind ~/.rbee/current; undefined where none is installed. */
  installed?: string;
  /** Home id of the queen that installed it. */
  fleet?: string;
  /** Name of the hive, as it is recorded there: in JSON. */
  hive?: string;
}

const PROBE_WITHIN_MS = 30_000;

const text = z.string().max(1024);
const answer = z.object({
  os: text.min(1),
  arch: text.min(1),
  bits: z.literal(['32', '64']).transform(Number),
  system: text,
  libc: z.union([z.literal(['musl', 'other']), z.string().regex(/^glibc \d+(\.\d+)+$/)]),
  packages: z.literal(['apt', 'other']),
  home: text.startsWith('/'),
  lacks: z.array(text).max(64),
  write: text.min(1),
  run: text.default('yes'),
  room: text.default('yes'),
  clock: z.string().regex(/^\d+$/).transform(Number),
  disk_free_kib: z.string().regex(/^\d+$/).transform(Number),
  installed: text,
  fleet: text.default(''),
  hive: text.default(''),
  ...gpuFacts,
});

/** Words that the script prints once per item; it prints any other word once. */
const LISTS = ['lacks', 'nvidia', 'apple', 'card', 'vulkan_driver'] satisfies (keyof typeof answer.shape)[];

/**
 * Reads the properties of the machine behind a shell.
 * @throws JobError ssh_failed where its answer cannot be parsed, and what the shell throws
 */
export async function probeMachine(shell: Shell, signal: AbortSignal): Promise<Machine> {
  return parseMachine(await shell.run(MACHINE_SCRIPT, { signal, withinMs: PROBE_WITHIN_MS }));
}

export function parseMachine(said: string, nowMs = Date.now()): Machine {
  const lines = said.split('\n').map((line) => line.trimEnd());
  const begin = lines.lastIndexOf(BEGIN);
  const end = lines.lastIndexOf(END);
  if (begin === -1 || end < begin) throw unparsable(said);
  const pairs = lines.slice(begin + 1, end).map((line) => line.split(/=(.*)/s).map((part) => part.trim()));
  const all = (word: string) => pairs.flatMap(([key, value]) => (key === word && value ? [value] : []));
  const lists = Object.fromEntries(LISTS.map((word) => [word, all(word)]));
  const parsed = answer.safeParse({ ...Object.fromEntries(pairs), ...lists });
  if (!parsed.success) {
    const [lacking] = all('lacks');
    // The script needs it to report the rest.
    if (lacking !== undefined)
      throw new JobError('ssh_failed', `The machine has no ${lacking}. Install it there with its package manager`);
    throw unparsable(said, parsed.error);
  }
  const { os, arch, bits, system, libc, packages, home, disk_free_kib, installed, fleet, hive, ...others } = parsed.data;
  const { lacks, write, run, room, clock, ...facts } = others;
  return {
    os,
    arch,
    bits,
    system: system === '' ? os : system,
    libc: libc === 'musl' || libc === 'other' ? { kind: libc } : { kind: 'glibc', version: libc.replace('glibc ', '') },
    packages,
    home,
    lacks,
    ...(write === 'yes' ? {} : { write_error: write }),
    ...(run === 'yes' ? {} : { run_error: run }),
    ...(room === 'yes' ? {} : { room_error: room }),
    clock_ahead_s: clock - Math.round(nowMs / 1000),
    disk_free_bytes: disk_free_kib * 1024,
    gpus: gpusOf(facts),
    // The name of its folder ends with the digest of its kit.
    ...(installed === '' ? {} : { installed: installed.replace(/-[0-9a-f]{12}$/, '') }),
    ...(fleet === '' ? {} : { fleet }),
    ...(hive === '' ? {} : { hive }),
  };
}

function unparsable(said: string, cause?: unknown): JobError {
  const why = cause instanceof z.ZodError ? ` (${cause.issues.map(({ path }) => path.join('.')).join(', ')})` : '';
  const last = said.trim().split('\n').at(-1) ?? '';
  return new JobError('ssh_failed', `The machine's report cannot be parsed${why}: ${last.slice(0, 200)}`, { cause });
}
