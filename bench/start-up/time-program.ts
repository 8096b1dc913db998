import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const DEADLINE_MS = 60_000;

export interface Timed {
  /** From the spawn to the first of its stdout; NaN when it says nothing. */
  firstMs: number;
  /** To its end. */
  totalMs: number;
}

/** One run of a program, to its end. */
export async function timeProgram(program: string, args: string[], env: Record<string, string | undefined>): Promise<Timed> {
  const from = performance.now();
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: DEADLINE_MS });
  let firstMs = NaN;
  let stderr = '';
  child.stdout.once('data', () => (firstMs = performance.now() - from)).resume();
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, `${program} ${args.join(' ')}: ${stderr}`);
  return { firstMs, totalMs: performance.now() - from };
}
