import * as z from 'zod';
import { JobError } from '../../contract/index.ts';
import type { Shell } from './shell.ts';

/** What a machine says of itself. */
export interface Machine {
  /** As uname -s says it: 'Linux', 'Darwin'. */
  os: string;
  /** As uname -m says it: 'x86_64', 'aarch64', 'arm64'. */
  arch: string;
  /** Of its programs: a 64-bit kernel may have 32-bit ones. */
  bits: number;
  /** The system's own name, such as 'Debian GNU/Linux 12 (bookworm)'. */
  system: string;
  libc: { kind: 'glibc'; version: string } | { kind: 'musl' | 'other' };
  home: string;
  disk_free_bytes: number;
  gpus: string[];
  /** Version of the rbee that ~/.rbee/current leads to; undefined where nothing is installed. */
  installed?: string;
}

const PROBE_WITHIN_MS = 15_000;
const [BEGIN, END] = ['rbee-machine-begin', 'rbee-machine-end'];

/** One round trip, POSIX sh, changes nothing. A driver that hangs costs its own answer only. */
export const MACHINE_SCRIPT = `
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/sbin:/sbin:/usr/lib/wsl/lib
say() { printf '%s=%s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ')"; }
within() { if command -v timeout >/dev/null 2>&1; then timeout 5 "$@"; else "$@"; fi; }
echo ${BEGIN}
os=$(uname -s) arch=$(uname -m)
say os "$os"
say arch "$arch"
say bits "$(getconf LONG_BIT 2>/dev/null || echo 64)"
if [ "$os" = Darwin ]; then say system "macOS $(sw_vers -productVersion 2>/dev/null)"
else say system "$(. /etc/os-release 2>/dev/null && printf %s "$PRETTY_NAME")"; fi
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
case $glibc in
glibc*) say libc "$glibc" ;;
*) if ls /lib/ld-musl-* >/dev/null 2>&1; then say libc musl; else say libc other; fi ;;
esac
say home "$HOME"
say disk_free_kib "$(df -Pk "$HOME" 2>/dev/null | awk 'NR > 1 { print $4; exit }')"
if command -v nvidia-smi >/dev/null 2>&1; then
  within nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null </dev/null | while read -r gpu; do say gpu "$gpu"; done
elif [ "$os/$arch" = Darwin/arm64 ]; then say gpu "$(sysctl -n machdep.cpu.brand_string 2>/dev/null)"; fi
current=$(readlink "$HOME/.rbee/current" 2>/dev/null)
say installed "\${current##*/}"
echo ${END}
`;

const text = z.string().max(1024);
const answer = z.object({
  os: text.min(1),
  arch: text.min(1),
  bits: z.literal(['32', '64']).transform(Number),
  system: text,
  libc: z.union([z.literal(['musl', 'other']), z.string().regex(/^glibc \d+(\.\d+)+$/)]),
  home: text.startsWith('/'),
  disk_free_kib: z.string().regex(/^\d+$/).transform(Number),
  installed: text,
});

/**
 * Asks the machine behind a shell what it is.
 * @throws JobError ssh_failed where it is no machine that we understand, and what the shell throws
 */
export async function probeMachine(shell: Shell, signal: AbortSignal): Promise<Machine> {
  return parseMachine(await shell.run(MACHINE_SCRIPT, { signal, withinMs: PROBE_WITHIN_MS }));
}

/** A login shell may say something of its own before. */
export function parseMachine(said: string): Machine {
  const lines = said.split('\n').map((line) => line.trimEnd());
  const begin = lines.lastIndexOf(BEGIN);
  const end = lines.lastIndexOf(END);
  if (begin === -1 || end < begin) throw unintelligible(said);
  const pairs = lines.slice(begin + 1, end).map((line) => line.split(/=(.*)/s).map((part) => part.trim()));
  const gpus = pairs.filter(([key, value]) => key === 'gpu' && value).map(([, value = '']) => value);
  const parsed = answer.safeParse(Object.fromEntries(pairs.filter(([key]) => key !== 'gpu')));
  if (!parsed.success) throw unintelligible(said, parsed.error);
  const { libc, disk_free_kib, installed, system, os, ...rest } = parsed.data;
  return {
    ...rest,
    os,
    system: system === '' ? os : system,
    libc: libc === 'musl' || libc === 'other' ? { kind: libc } : { kind: 'glibc', version: libc.replace('glibc ', '') },
    disk_free_bytes: disk_free_kib * 1024,
    gpus,
    // Its folder has the digest of its kit behind it.
    ...(installed === '' ? {} : { installed: installed.replace(/-[0-9a-f]{12}$/, '') }),
  };
}

function unintelligible(said: string, cause?: unknown): JobError {
  const why = cause instanceof z.ZodError ? ` (${cause.issues.map(({ path }) => path.join('.')).join(', ')})` : '';
  const last = said.trim().split('\n').at(-1) ?? '';
  return new JobError('ssh_failed', `The machine does not say what it is${why}: ${last.slice(0, 200)}`, { cause });
}
