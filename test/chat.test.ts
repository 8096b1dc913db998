import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testSwarm, type Swarm } from './support/swarm.ts';

const BEE = 'A bee flies from flower to flower, makes honey and lives in a hive with its sisters.';
/** Every token is as likely as any other: 506 tokens of nonsense, always the same. */
const LONG = ['--temperature', '5', '--top-k', '0', '--top-p', '1', '--min-p', '0', '--seed', '1'];

let swarm: Swarm;
beforeAll(async () => {
  swarm = await testSwarm();
  await swarm.result(['worker', 'spawn']);
});
afterAll(() => swarm[Symbol.asyncDispose]());

const chats = () => readdir(join(swarm.home, 'data', 'chats'));

test('each line of a pipe is a message, sent with the conversation before it, which is not kept when it ends', async () => {
  const saved = join(swarm.home, 'saved.json');
  const input = `What does a bee do?\n/system Be brief.\n"""\nTell me\na story\n"""\n/save ${saved}\n/exit\nnever sent\n`;
  const { code, stdout, stderr } = await swarm.rbee(['chat', '--temperature', '0'], { input });
  expect(code, stderr).toBe(0);
  const messages = JSON.parse(await readFile(saved, 'utf8')) as { role: string; content: string }[];
  expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant']);
  expect(messages[1]).toEqual({ role: 'user', content: 'What does a bee do?' });
  expect(messages[3]).toEqual({ role: 'user', content: 'Tell me\na story' });
  expect(stdout).toBe(`${BEE}\n${messages[4]?.content ?? ''}\n`);
  expect(stderr.match(/\d+ tok\/s/g)).toHaveLength(2);
  expect(await chats()).toEqual([]);
});

test('a mistake or a failed answer does not end it, and its exit code tells', async () => {
  const input = '/modle tiny\n/model nothing\nHello\n/model tiny\n/retry\n';
  const { code, stdout, stderr } = await swarm.rbee(['chat', '--temperature', '0'], { input });
  expect(stderr).toContain('Error: There is no command /modle. Did you mean /model?');
  expect(stderr).toContain("model 'nothing'");
  expect(stdout.trim()).not.toBe('');
  expect(code).toBe(3);
});

test('killed in the middle of an answer, together with the queen, it is resumed with the whole answer, by one of two that try', async () => {
  const answer = await swarm.result<{ text: string }>(['infer', 'Count', ...LONG]);
  const chat = swarm.start(['chat', ...LONG], { input: 'Count\n' });
  await chat.says('stdout', /\S/);
  chat.child.kill('SIGKILL');
  const { pid } = JSON.parse(await readFile(join(swarm.home, 'state/run/queen.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await chat.ended;
  expect(await chats()).toHaveLength(1);
  const two = await Promise.all([swarm.rbee(['chat', '--resume']), swarm.rbee(['chat', '--resume'])]);
  const [{ code, stdout, stderr }, other] = two[0].code === 0 ? two : ([two[1], two[0]] as const);
  expect(code, stderr).toBe(0);
  expect(other.code, other.stderr).toBe(2);
  expect(other.stderr).toContain('There is no conversation to resume');
  expect(stderr).toContain('> Count');
  expect(stdout.trimEnd()).toBe(answer.text.trimEnd());
  expect(await chats()).toEqual([]);
});

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;
const onItsTerminal = fileURLToPath(new URL('support/on-terminal.py', import.meta.url));

/** Runs a command on a terminal of its own: what the dialogue waits for, and what it then types. */
async function onTerminal(args: string[], dialogue: [waitsFor: string, types: string][]) {
  const child = spawn('python3', [onItsTerminal, JSON.stringify(dialogue), process.execPath, swarm.entry, ...args], {
    env: { ...swarm.env, TERM: 'xterm' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [screen, close] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { screen, code: (close as (number | null)[])[0] };
}

/** More work than the worker has slots for; what is left of it is cancelled. */
async function busyFleet(): Promise<AsyncDisposable> {
  const jobs = `${swarm.queenUrl}/v1/jobs`;
  const endless = {
    operation: 'infer',
    prompt: 'Count',
    json_schema: { type: 'array', items: { type: 'boolean' }, minItems: 600 },
  };
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(endless) };
  const posted = await Promise.all(Array.from({ length: 40 }, async () => (await fetch(jobs, request)).json()));
  const ids = (posted as { job_id: string }[]).map(({ job_id }) => job_id);
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(ids.map((id) => fetch(`${jobs}/${id}`, { method: 'DELETE' })));
    },
  };
}

test.skipIf(!hasPython)(
  'on a terminal, a paste is one message, and Ctrl-C stops the answer and not the conversation',
  async () => {
    await using _busy = await busyFleet();
    const { screen, code } = await onTerminal(
      ['chat'],
      [
        ['> ', '\u001b[200~Count\rto ten\u001b[201~\r'],
        ['waiting for one', '\u0003'],
        ['cancelled', ''],
        ['> ', '\u0003'],
        ['once more', '\u0003'],
      ],
    );
    expect(screen).toContain('/help lists the commands');
    expect(screen).toMatch(/> [^]*Count[^]*\. [^]*to ten/);
    expect(screen).toContain('Ctrl-C once more ends the conversation');
    expect(code).toBe(0);
    expect(await chats()).toEqual([]);
  },
);
