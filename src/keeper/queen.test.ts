import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCodes, JobError, type Handlers, type Health, type Hive, type JobEvent } from '../contract/index.ts';
import { homePaths, prepareHomeSecret, writePidfile } from '../daemon/index.ts';
import {
  bindServer,
  createJobServer,
  JobRegistry,
  KEPT_IN_MEMORY_JOBS_LIMIT,
  KEPT_JOBS_AGE_MS,
  openMemoryCatalog,
  openMemoryEventLog,
} from '../jobs/index.ts';
import { buildCli, type Cli } from './fixtures/cli.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli[Symbol.asyncDispose]());

const homeId = () => homePaths({ RBEE_HOME: cli.env['RBEE_HOME'] }).homeId;
const here = (): Health => ({ role: 'queen', name: 'queen', version: __RBEE_VERSION__, uptime_s: 1, pid: 1, home: homeId() });

describe('the port of the queen', () => {
  const found: { what: string; listener: RequestListener; exitCode: number; words: string }[] = [
    {
      what: 'a program that is not rbee',
      listener: (_request, response) => response.end('hello'),
      exitCode: 7,
      words: 'is used by another program',
    },
    { what: 'the queen of another home', listener: answers({ home: 'abc' }), exitCode: 7, words: 'the queen of another home' },
    { what: 'a hive', listener: answers({ role: 'hive' }), exitCode: 7, words: 'is a hive, not a queen' },
    {
      what: 'a queen of another version',
      listener: answers({ version: '9.9.9' }),
      exitCode: 4,
      words: "Restart the fleet with this version: 'rbee down'",
    },
    { what: 'a queen that does not answer', listener: () => undefined, exitCode: 4, words: 'has not answered within 3 s' },
  ];

  test.each(found)('$what on the port of the queen is neither used nor replaced', async ({ listener, exitCode, words }) => {
    const close = await listen(listener);
    const outcomes = [];
    try {
      for (const argv of [['hive', 'list'], ['status']]) outcomes.push(await cli.call(argv));
    } finally {
      await close();
    }
    for (const { code, stdout, stderr } of outcomes) {
      expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
      expect(stderr).toContain(words);
    }
  });

  test('a queen of another version that does not report its role is identified by its pidfile', async () => {
    const close = await listen((_request, response) => response.writeHead(401).end());
    const { run } = homePaths({ RBEE_HOME: cli.env['RBEE_HOME'] });
    const queen = { role: 'queen', name: 'queen', host: '127.0.0.1', port: cli.queenPort } as const;
    try {
      for (const [version, code, words] of [
        ['9.9.9', 4, 'The queen runs rbee 9.9.9'],
        [
          __RBEE_VERSION__,
          7,
          `The queen of this home (pid ${process.pid}) listens on port ${cli.queenPort} but does not prove its identity`,
        ],
      ] as const) {
        await writePidfile(run, { ...queen, version });
        const outcome = await cli.call(['status']);
        expect(outcome.code).toBe(code);
        expect(outcome.stderr).toContain(words);
        expect(outcome.stderr).toContain('rbee down');
      }
    } finally {
      await rm(run, { recursive: true });
      await close();
    }
  });

  test('a queen at RBEE_QUEEN_URL that refuses the token is an authorization failure, and not a missing queen', async () => {
    const close = await listen((_request, response) => response.writeHead(401).end());
    const env = { RBEE_QUEEN_URL: `http://127.0.0.1:${cli.queenPort}` };
    try {
      expect(await cli.run(['status'], { env })).toMatchObject({
        code: 8,
        stderr: `Error: The queen at 127.0.0.1:${cli.queenPort} requires a token. Set RBEE_TOKEN to the token of its fleet.\n`,
      });
      expect(await cli.run(['status'], { env: { ...env, RBEE_TOKEN: 'wrong' } })).toMatchObject({
        code: 8,
        stderr: expect.stringContaining('does not accept RBEE_TOKEN') as string,
      });
    } finally {
      await close();
    }
  });

  function answers(health: Partial<Health>): RequestListener {
    return (_request, response) => response.end(JSON.stringify({ ...here(), ...health }));
  }

  async function listen(listener: RequestListener): Promise<() => Promise<void>> {
    const server = createServer(listener).listen(cli.queenPort, '127.0.0.1');
    await once(server, 'listening');
    return async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    };
  }
});

const say = (human: string, detail = false): JobEvent => ({
  kind: 'narration',
  data: { actor: 'rbee-hive', action: 'test', human, job_id: 'job-1', correlation_id: 'c', at: new Date().toISOString(), detail },
});
const token = (text: string): JobEvent => ({ kind: 'token', data: { text } });
const answer = (text: string) => ({
  text,
  finish_reason: 'stop' as const,
  model: 'tiny',
  worker_id: 'worker-1',
  seed: 7,
  usage: { prompt_tokens: 5, cached_tokens: 2, completion_tokens: 3 },
  timings: { queue_ms: 1, prefill_ms: 20, first_token_ms: 41, tokens_per_s: 152.4 },
});

/** A real job server in the place of the queen, with answers that are known. The prompt says what happens. */
const handlers: Handlers = {
  infer: async function* ({ prompt, messages, model }, { signal }) {
    yield say('model ready');
    yield say('taking slot 2', true);
    if (messages !== undefined) {
      yield token(JSON.stringify(messages));
      return answer('');
    }
    if (prompt === 'which model') return answer(model);
    if (prompt === 'without stream') return answer('all at once');
    if (prompt === 'fail') throw new JobError('worker_died', 'Worker died: out of memory', { origin: 'rbee-hive' });
    if (prompt === 'escape') yield token('\u001b[2J');
    if (prompt === 'endless') {
      yield token('on\nand');
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        signal.throwIfAborted();
        yield token(' on');
      }
    }
    for (const word of ['You', ' said', ` ${prompt ?? ''}`]) yield token(word);
    return answer(`You said ${prompt ?? ''}`);
  },

  explain: async function* ({ model, prompt, hive_id }) {
    if (hive_id === 'nope') {
      const says = "Hive 'nope' not found in configuration";
      return { model, decision: 'refuse' as const, says, code: 'hive_not_found', candidates: [] };
    }
    const candidates = [{ hive_id: 'attic', device: 'cuda:0', verdict: 'chosen' as const, reason: `room for "${prompt ?? ''}"` }];
    return { model, decision: 'spawn' as const, says: `Hive 'attic' starts a worker for ${model}.`, candidates };
  },

  ssh_test: async function* ({ hive_id: ssh_host = '' }) {
    const reachable = ssh_host === 'attic';
    return { ssh_host, reachable, checks: [{ check: 'connect', ok: reachable, says: 'port 22' }] };
  },

  worker_restart: async function* ({ worker_id }) {
    throw new JobError('worker_unreachable', `Worker ${worker_id} does not answer`);
  },

  worker_list: async function* () {
    return { workers: [] };
  },

  status: async function* () {
    const hives = registered.map(({ hive_id, host, port }) => ({ hive_id, host, port, state: 'stopped' as const }));
    return { queen: { version: __RBEE_VERSION__, uptime_s: 1, port: cli.queenPort, pid: 1 }, hives, workers: [], models: [] };
  },

  hive_list: async function* () {
    return { hives: registered };
  },
};

/** The hives that the queen knows. */
let registered: Hive[] = [];

describe('with a queen', () => {
  let stop: () => Promise<void>;
  let registry: JobRegistry;

  beforeAll(async () => {
    const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
    registry = new JobRegistry({
      actor: 'queen-rbee',
      handlers,
      log: openMemoryEventLog(),
      catalog: openMemoryCatalog(),
      logger,
      kept: { jobs: KEPT_IN_MEMORY_JOBS_LIMIT, ageMs: KEPT_JOBS_AGE_MS },
    });
    const server = createJobServer({
      role: 'queen',
      name: 'queen',
      version: __RBEE_VERSION__,
      home: homeId(),
      bound: await bindServer('127.0.0.1', cli.queenPort),
      token: undefined,
      secretFile: await prepareHomeSecret(homePaths({ RBEE_HOME: cli.env['RBEE_HOME'] }).secret),
      registry,
      findPeer: () => {
        throw new JobError('not_found', 'there is no hive');
      },
      logger,
    });
    await server.open();
    stop = async () => {
      await registry.close();
      await server.close();
    };
  });
  afterAll(() => stop());

  const idOfLastJob = () => registry.find({ where: {}, limit: 1 })[0]?.job_id;
  const stateOfLastJob = () => registry.find({ where: {}, limit: 1 })[0]?.state;

  test('infer prints the answer to stdout and everything else to stderr', async () => {
    expect(await cli.call(['infer', 'hello', 'bee'])).toEqual({
      code: 0,
      signal: null,
      stdout: 'You said hello bee\n',
      stderr: '[rbee-hive]       model ready\n3 tokens · 152 tok/s · first token after 41 ms\n',
    });
  });

  test('infer -q prints only the answer, infer -v every step', async () => {
    expect(await cli.call(['infer', '-q', 'hello'])).toMatchObject({ stdout: 'You said hello\n', stderr: '' });
    const { stderr } = await cli.call(['infer', '-v', 'hello']);
    expect(stderr).toMatch(/job job-.*rbee trace [0-9a-f]{32}/);
    expect(stderr).toContain('taking slot 2');
    expect(stderr).toContain('prompt 5 tokens (2 cached) read in 20 ms');
    expect(stderr).toContain('seed 7');
  });

  test('infer --json prints each event as a line, and nothing else', async () => {
    const { stdout, stderr } = await cli.call(['infer', '--json', 'hello']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number | null; event: string });
    expect(stderr).toBe('');
    expect(lines.map(({ id, event }) => [id, event])).toEqual([
      [null, 'narration'],
      [1, 'narration'],
      [2, 'narration'],
      [3, 'token'],
      [4, 'token'],
      [5, 'token'],
      [6, 'result'],
    ]);
  });

  test('--json -q leaves out the steps of the keeper, which otherwise name the job', async () => {
    const quiet = await cli.call(['infer', '--json', '-q', 'hello']);
    expect(quiet.stdout).not.toContain('rbee-keeper');
    const { stdout } = await cli.call(['infer', '--json', 'hello']);
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({ data: { job_id: idOfLastJob() } });
  });

  test('the prompt may come from stdin, alone or after the words of the command line', async () => {
    expect(await cli.run(['infer', '-q'], { input: 'from stdin\n' })).toMatchObject({ stdout: 'You said from stdin\n' });
    // A shell's pipe, since what Node gives its children is a socket, which may never end.
    const { stdout } = await shell(`echo "some notes" | "${process.execPath}" "${cli.entry}" infer -q "sum up"`);
    expect(stdout).toBe('You said sum up\n\nsome notes\n');
  });

  test.each([[['explain']], [['infer', '--dry-run']]])('%j only shows where it would run', async (words) => {
    const { code, stdout } = await cli.run([...words, '-q', '--model', 'bee', 'hello'], { input: 'from stdin' });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `Hive 'attic' starts a worker for bee.\n\nHIVE   DEVICE  VERDICT  WHY\nattic  cuda:0  chosen   room for "hello"\n`,
    });
    const piped = await cli.run([...words, '-q'], { input: 'from stdin' });
    expect(piped.stdout).toContain('room for "from stdin"');
  });

  test('--system goes before the messages of --messages', async () => {
    const argv = [
      'infer',
      '-q',
      '--system',
      'be brief',
      '--messages',
      '[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]',
    ];
    expect(JSON.parse((await cli.call(argv)).stdout)).toEqual([
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]);
  });

  test('the path of a model is made absolute, since the worker runs in another folder', async () => {
    const argv = ['infer', '-q', 'which model', '--model', 'models/my.gguf'];
    expect(await cli.run(argv, { cwd: cli.folder })).toMatchObject({ stdout: `${cli.folder}/models/my.gguf\n` });
  });

  test('an answer that is not streamed is printed in full', async () => {
    expect(await cli.call(['infer', '-q', '--no-stream', 'without stream'])).toMatchObject({ stdout: 'all at once\n' });
  });

  test('a pipe gets the tokens unchanged', async () => {
    expect((await cli.run(['infer', '-q', 'escape'])).stdout).toContain('\u001b[2J');
  });

  test('a failure is a sentence, a hint and its origin, with the exit code of the contract', async () => {
    const { code, stdout, stderr } = await cli.call(['infer', '-q', 'fail']);
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toBe(`Error: Worker died: out of memory\n  ${errorCodes.worker_died.hint}\n  worker_died, from rbee-hive\n`);
  });

  test('ssh test of a machine that cannot have a hive exits with 1, and its job is completed', async () => {
    expect(await cli.call(['ssh', 'test', 'attic'])).toMatchObject({ code: 0, stderr: '' });
    const no = await cli.call(['ssh', 'test', 'cellar']);
    expect(no).toMatchObject({ code: 1, stdout: expect.stringContaining('No hive can be installed on cellar yet.') as string });
    const { code, stdout } = await cli.call(['ssh', 'test', 'cellar', '--json']);
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as unknown;
    expect({ code, last }).toMatchObject({ code: 1, last: { event: 'result', data: { reachable: false } } });
  });

  test('explain exits with 1 for a request that would be refused, and prints what to do next', async () => {
    const { code, stdout } = await cli.call(['explain', '-q', '--hive', 'nope', 'hello']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: `Hive 'nope' not found in configuration\nList the hives: rbee hive list. Add one: rbee hive install nope.\n`,
    });
    expect(await cli.call(['infer', '--dry-run', '--hive', 'nope', 'hello'])).toMatchObject({ code: 1 });
  });

  test('the hint of a failure is filled with the names of the command line', async () => {
    const { stderr } = await cli.call(['worker', 'restart', 'worker-7', '-q']);
    expect(stderr).toContain('\n  Restart it: rbee worker restart worker-7.\n');
  });

  test('with --json, the failure is the last line', async () => {
    const { code, stdout, stderr } = await cli.call(['infer', '--json', 'fail']);
    expect({ code, stderr }).toEqual({ code: 6, stderr: '' });
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      event: 'failed',
      data: { code: 'worker_died' },
    });
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const)('%s cancels the job, prints that and exits with %d', async (signal, exitCode) => {
    const infer = cli.start(['infer', 'endless']);
    await infer.says('and');
    infer.child.kill(signal);
    const { code, stderr } = await infer.ended;
    expect(code).toBe(exitCode);
    expect(stderr).toMatch(/\ncancelled\n$/);
    expect(stateOfLastJob()).toBe('cancelled');
  });

  test('a reader that closes the pipe ends the command without an error, and cancels the job', async () => {
    const { stdout, stderr } = await shell(
      `{ "${process.execPath}" "${cli.entry}" infer "endless"; echo "exit $?" >&2; } | head -1`,
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'on\n', stderr: '[rbee-hive]       model ready\nexit 0\n' });
    await expect.poll(stateOfLastJob).toBe('cancelled');
  });

  test('doctor reports no hive and a stopped hive as problems, and a hive that is asleep as well', async () => {
    const local = {
      hive_id: 'localhost',
      transport: 'local',
      host: '127.0.0.1',
      port: 9,
      created_at: '2026-11-21T08:00:00.000Z',
    } as const;
    const hivesLine = async (hives: Hive[]) => {
      registered = hives;
      const { code, stdout } = await cli.run(['doctor']);
      return { isWell: code === 0, line: /^[✓✗-] hives +(.*(?:\n {3,}.*)*)/m.exec(stdout)?.[1]?.replace(/\n +/, '; ') };
    };
    expect(await hivesLine([])).toEqual({
      isWell: false,
      line: 'no hive is registered, so no request can run; set one up: rbee hive install',
    });
    expect(await hivesLine([{ ...local, stopped: true }])).toEqual({
      isWell: false,
      line: "'localhost' was stopped on purpose; start it: rbee hive start localhost",
    });
    expect(await hivesLine([local])).toMatchObject({ line: "'localhost' is asleep until it is needed" });
  });

  test.runIf(existsSync('/proc/net/tcp'))('doctor names the programs that use all worker ports', async () => {
    const { stdout } = await cli.run(['doctor'], { env: { RBEE_WORKER_PORTS: `${cli.queenPort}-${cli.queenPort}` } });
    expect(stdout).toMatch(new RegExp(`^✗ worker ports +none is free: ${cli.queenPort} \\(.*, pid ${process.pid}\\)$`, 'm'));
  });

  test('an empty result is a sentence', async () => {
    expect(await cli.call(['worker', 'list'])).toMatchObject({
      code: 0,
      stdout: 'No workers. Start one: rbee worker spawn --model tiny\n',
    });
  });

  test('jobs prints a table, logs a replay and trace a tree', async () => {
    await cli.call(['infer', 'replay me']);
    const [record] = registry.find({ where: {}, limit: 1 });
    const jobs = await cli.call(['jobs', '--operation', 'infer', '--limit', '1']);
    expect(jobs.stdout.split('\n')[1]).toMatch(new RegExp(`^${record?.job_id}  infer      completed  `));
    expect(await cli.call(['logs', record?.job_id ?? ''])).toMatchObject({ code: 0, stdout: 'You said replay me\n' });
    for (const id of [record?.job_id ?? '', record?.correlation_id ?? '']) {
      const trace = await cli.call(['trace', id]);
      expect(trace.stdout).toContain(`correlation ${record?.correlation_id}`);
      expect(trace.stdout).toMatch(/^queen-rbee {2}completed/m);
    }
    expect(await cli.call(['trace', 'nonesuch'])).toMatchObject({ code: 3 });
    expect(await cli.call(['jobs', '--state', 'queued'])).toMatchObject({
      stdout: expect.stringContaining('No such jobs.') as string,
    });
  });

  test('a job is named by the beginning of its id, as long as no other begins like it', async () => {
    await cli.call(['infer', 'short']);
    const id = idOfLastJob() ?? '';
    const short = id.slice(0, 'job-'.length + 12);
    for (const named of [id, short, short.slice('job-'.length)]) {
      expect(await cli.call(['logs', named])).toMatchObject({ code: 0, stdout: 'You said short\n' });
      expect((await cli.call(['trace', named])).stdout).toContain(`correlation ${registry.get(id).correlation_id}`);
      expect((await cli.call(['jobs', named])).stdout.split('\n')).toEqual([
        expect.stringMatching(/^JOB/),
        expect.stringContaining(id),
        '',
      ]);
    }
    const several = await cli.call(['logs', 'job-']);
    expect(several.code).toBe(2);
    expect(several.stderr).toMatch(
      /^Error: Several jobs have ids that begin with 'job-': job-\S{36}, job-.*\n {2}Type more of the id/,
    );
    for (const command of ['logs', 'trace', 'cancel']) {
      const none = await cli.call([command, 'feedfeedfeed']);
      expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining("begins with 'feedfeedfeed'") as string });
    }
  });

  test('cancel ends a running job, and refuses one that has ended', async () => {
    const running = cli.start(['infer', 'endless']);
    await running.says('and on');
    const id = idOfLastJob() ?? '';
    expect(await cli.call(['cancel', id.slice(4, 16)])).toMatchObject({ code: 0, stdout: `cancelled ${id}\n` });
    expect((await running.ended).code).toBe(130);
    const again = await cli.call(['cancel', id]);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain(`Read how it ended: rbee logs ${id}`);
  });

  test.runIf(existsSync('/dev/full')).each([
    [['infer', '-q', 'hello'], 'the disk is full', '/dev/full'],
    [['infer', '-q', '--no-stream', 'hello'], 'the disk is full', '/dev/full'],
  ])('an answer that cannot be written is kept by the queen: %j', async (args, why, stdout) => {
    const { code, stderr } = await cli.run(args, { stdout });
    const jobId = idOfLastJob() ?? '';
    expect({ code, stderr }).toEqual({
      code: 7,
      stderr: expect.stringContaining(`could not be written: ${why}. Job '${jobId}' keeps running`) as string,
    });
    expect(stderr).toContain(`rbee logs -f ${jobId}`);
    expect(await cli.run(['logs', '-f', jobId])).toMatchObject({ code: 0, stdout: 'You said hello\n' });
    for (const again of [['logs', jobId], ['jobs'], ['trace', jobId], ['explain', 'hi'], ['infer', '--json', 'hi']]) {
      expect(await cli.run(again, { stdout })).toMatchObject({ code: 7, stderr: expect.stringContaining(why) as string });
    }
  });

  test('a file at its size limit is a failure, and not a closed pipe', async () => {
    const file = join(cli.folder, 'answer.txt');
    const limited = shell(`ulimit -f 0; "${process.execPath}" "${cli.entry}" infer -q hello > "${file}"`);
    await expect(limited).rejects.toMatchObject({
      code: 7,
      stderr: expect.stringContaining('would exceed the allowed size') as string,
    });
  });

  test.runIf(existsSync('/usr/bin/script') && process.platform === 'linux')(
    'control sequences of a model are made safe for a terminal and left as they are for a pipe',
    async () => {
      const inTerminal = async (command: string) => (await shell(`script -qec '${command}' /dev/null </dev/null`)).stdout;
      const run = `"${process.execPath}" "${cli.entry}" infer escape`;
      expect(await inTerminal(run)).toContain('␛[2JYou said escape');
      expect(await inTerminal(run)).not.toContain('\u001b[2JYou');
      expect((await shell(`${run} -q`)).stdout).toBe('\u001b[2JYou said escape\n');
      expect((await shell(`${run} --json`)).stdout).toContain(JSON.stringify({ text: '\u001b[2J' }));
    },
  );

  test('logs of a running job ends at its newest event, follows with -f, and never cancels the job', async () => {
    const infer = cli.start(['infer', '-q', 'endless']);
    await infer.says('and');
    const [record] = registry.find({ where: {}, limit: 1 });
    const jobId = record?.job_id ?? '';
    const following = cli.start(['logs', '-f', jobId]);
    await following.says('and on on');
    following.child.kill('SIGINT');
    expect(await following.ended).toMatchObject({ code: 130 });
    const replay = await cli.call(['logs', jobId]);
    expect(replay).toMatchObject({ code: 0, stderr: expect.stringContaining(`follow it: rbee logs -f ${jobId}`) as string });
    expect(registry.get(jobId).state).toBe('running');
    infer.child.kill('SIGINT');
    expect(await infer.ended).toMatchObject({ code: 130 });
  });

  async function shell(command: string): Promise<{ stdout: string; stderr: string }> {
    return promisify(execFile)('sh', ['-c', command], { env: cli.env });
  }
});
