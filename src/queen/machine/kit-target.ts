import { JobError } from '../../contract/index.ts';
import { isGlibcTooOld, type Target } from '../kit/index.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

const SYSTEMS: Readonly<Record<string, Target['os'] | undefined>> = { Linux: 'linux', Darwin: 'darwin' };
const MACHINES: Readonly<Record<string, Target['arch'] | undefined>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

const PROBE = `
echo "system $(uname -s)"
echo "machine $(uname -m)"
if said=$(getconf GNU_LIBC_VERSION 2>/dev/null); then
  echo "libc $said"
elif ls /lib/ld-musl-* >/dev/null 2>&1; then
  echo "libc musl"
fi
PATH=$PATH:/usr/local/bin:/usr/lib/wsl/lib
if nvidia-smi -L >/dev/null 2>&1; then echo 'gpu cuda'; fi
`;

/** Which kit the machine needs. @throws JobError machine_unsupported, and as Shell.run */
export async function probeTarget(site: Pick<HiveSite, 'shell' | 'signal'>): Promise<Target> {
  return targetOf(await runScript(site, PROBE));
}

/** @param answer of the probe, a fact a line */
export function targetOf(answer: string): Target {
  const facts = readReply(answer);
  const gpu = facts.get('gpu') === 'cuda' ? { hasCuda: true } : {};
  const [system = '?', machine = '?', said] = ['system', 'machine', 'libc'].map((word) => facts.get(word));
  const [os, arch] = [SYSTEMS[system], MACHINES[machine]];
  if (os === undefined || arch === undefined)
    throw new JobError('machine_unsupported', `rbee has no kit for ${system} on ${machine}`);
  if (os === 'darwin') return { os, arch, libc: undefined };
  if (said === 'musl') return { os, arch, libc: 'musl' };
  // Where nothing tells, the kit is tried there before anything is changed.
  if (said === undefined) return { os, arch, libc: 'glibc', ...gpu };
  if (isGlibcTooOld(said.replace(/^glibc /, ''))) {
    const sentence = `The machine has ${said}, and the engine needs 2.34 or newer, as in Debian 12, Ubuntu 22.04 and RHEL 9`;
    throw new JobError('machine_unsupported', sentence);
  }
  return { os, arch, libc: 'glibc', ...gpu };
}
