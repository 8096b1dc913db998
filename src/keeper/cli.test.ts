import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCli, type Cli } from './fixtures/cli.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli[Symbol.asyncDispose]());

const ERROR = /^Error: /;

test.each(['--version', '-V'])('%s prints only the version', async (flag) => {
  expect(await cli.run([flag])).toMatchObject({ code: 0, stdout: `${__RBEE_VERSION__}\n`, stderr: '' });
});

describe('help', () => {
  test.each([[[]], [['help']], [['--help']]])('%j prints all commands to stdout', async (argv) => {
    const { code, stdout, stderr } = await cli.call(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of ['infer', 'status', 'trace', 'worker', 'hive', 'doctor']) expect(stdout).toContain(`  ${command}`);
  });

  test.each([[['help', 'worker', 'spawn']], [['worker', 'spawn', '--help']]])(
    '%j prints help derived from the contract',
    async (argv) => {
      const { code, stdout } = await cli.call(argv);
      expect(code).toBe(0);
      expect(stdout).toContain('Start a worker: one model loaded on one device.');
      expect(stdout).toContain('rbee worker spawn --model tiny --worker cpu --device 0');
      expect(stdout).toContain('--hive, --hive-id <id>');
    },
  );

  test('a list that is empty when omitted shows no default in its help', async () => {
    const { stdout } = await cli.call(['help', 'hive', 'import-ssh']);
    expect(stdout).toContain('none when omitted (may be repeated)');
    expect(stdout).not.toContain('[]');
  });

  test('a group without a command shows its commands, as rbee alone does', async () => {
    const { code, stdout, stderr } = await cli.call(['worker']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('spawn');
    expect(stdout).not.toContain('run');
  });
});

describe('a mistake in the command line exits with 2, before any daemon is woken', () => {
  test.each([
    [['staus'], "unknown command 'staus'", 'Did you mean status?'],
    [['worker', 'spwan'], "unknown command 'spwan'", 'Did you mean spawn?'],
    [['worker', 'spawn', '--modle', 'x'], "unknown option '--modle'", 'Did you mean --model?'],
    [['infer', '-'.repeat(50_000)], `unknown option '${'-'.repeat(80)}…'`, 'See: rbee infer --help'],
    [['worker', 'get'], '<worker> is missing.', 'See: rbee worker get --help'],
    [['ssh', 'test'], '<hive> is missing.', 'See: rbee ssh test --help'],
    [['model', 'list', 'extra'], 'too many arguments', 'See: rbee model list --help'],
    [['infer'], 'The prompt is empty.', 'See: rbee infer --help'],
    [['infer', '--temperature', 'hot', 'hi'], "--temperature must be a number, not 'hot'.", 'See: rbee infer --help'],
    [['infer', 'hi', '--stop'], '--stop needs a value.', 'See: rbee infer --help'],
    [
      ['infer', '--messages', 'a'],
      '--messages must be JSON, or @ and the name of a file with JSON (Unexpected token',
      'See: rbee infer',
    ],
    [['jobs', '--state', 'lost'], "completed, failed, cancelled, not 'lost'.", 'See: rbee jobs --help'],
    [['worker', 'logs', 'a', '-n', 'x'], "--lines must be a number, not 'x'.", 'See: rbee worker logs --help'],
    [['infer', '--seed', 'x'.repeat(50_000)], `--seed must be a number, not '${'x'.repeat(80)}…'.`, 'See: rbee infer --help'],
    [['trace'], '<id> is missing.', 'See: rbee trace --help'],
    [['explain'], 'The prompt is empty. Give one: rbee explain "', 'See: rbee explain --help'],
    [['infer', '--messages', '{}'], '--messages must be a JSON list.', 'See: rbee infer --help'],
    [['infer', '--messages', '[]'], '--messages must not be empty.', 'See: rbee infer --help'],
    [
      ['infer', '--messages', '[{"role":"bee","content":"a"}]'],
      '--messages[0].role must be one of system, user, assistant, tool.',
      'See: rbee infer --help',
    ],
    [
      ['infer', 'hi', '--messages', '[{"role":"user","content":"a"}]'],
      'Give a prompt or --messages, not both.',
      'See: rbee infer --help',
    ],
    [['infer', 'hi', '--stop', ''], '--stop must not be empty.', 'See: rbee infer --help'],
    [['infer', 'hi', '--max-tokens', '2.5'], '--max-tokens must be a whole number from 0 to 1000000.', 'See: rbee infer --help'],
    [['jobs', '--limit', '0'], '--limit must be a whole number from 1 to 1000', 'See: rbee jobs --help'],
    [['jobs', '--operation', 'infre'], "--operation 'infre' is not known. Did you mean infer?", 'See: rbee jobs --help'],
    [['completions', 'powershell'], "<shell> must be one of bash, zsh, fish, not 'powershell'.", 'See: rbee completions --help'],
    [['infer', '--messages', '@/nope.json'], "There is no file '/nope.json'.", 'See: rbee infer --help'],
    [['infer', '--messages', '@/'], "'/' is a folder.", 'See: rbee infer --help'],
    [['help', 'worker', 'nope'], "unknown command 'nope'", 'See: rbee worker --help'],
    [['help', 'staus'], "unknown command 'staus'", 'Did you mean status?'],
    [['help', 'worker', 'spwan'], "unknown command 'spwan'", 'Did you mean spawn?'],
  ])('%j', async (argv, message, hint) => {
    const { code, stdout, stderr } = await cli.call(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(ERROR);
    expect(stderr).toContain(message);
    expect(stderr).toContain(`\n  ${hint}`);
  });

  test('a mistake in the command line with --json is one failed event', async () => {
    const { code, stdout, stderr } = await cli.call(['worker', 'spwan', '--json']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      id: null,
      event: 'failed',
      data: { code: 'invalid_input', origin: 'rbee-keeper' },
    });
  });

  test('an invalid environment variable is a sentence with exit code 2', async () => {
    const { code, stderr } = await cli.call(['status'], { env: { RBEE_QUEEN_PORT: 'eighty' } });
    expect(code).toBe(2);
    expect(stderr).toBe("Error: RBEE_QUEEN_PORT is 'eighty'. Set a port from 1 to 65535, such as 8500.\n");
    const workers = await cli.call(['worker', 'list'], { env: { RBEE_WORKER_PORTS: 'many' } });
    expect(workers).toMatchObject({ code: 2, stderr: expect.stringContaining("RBEE_WORKER_PORTS is 'many'") as string });
    expect(workers.stderr).not.toContain('waking');
  });
});

test('an RBEE_TOKEN that no header can carry is refused before anything is woken', async () => {
  for (const argv of [['status'], ['infer', 'hi'], ['queen', 'start']]) {
    expect(await cli.run(argv, { env: { RBEE_TOKEN: 'two\nlines' } })).toEqual({
      code: 2,
      signal: null,
      stdout: '',
      stderr:
        'Error: RBEE_TOKEN contains characters that no HTTP header can carry. It may contain only visible ASCII characters, and spaces between them.\n',
    });
  }
});

describe('without a running daemon', () => {
  test('status reports that the queen is asleep, and wakes no daemon', async () => {
    const { code, stdout } = await cli.call(['status']);
    expect(code).toBe(0);
    expect(stdout).toContain('queen is asleep\n');
    expect(await cli.call(['queen', 'status'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('queen is asleep') as string,
    });
  });

  test('status --json is an empty result', async () => {
    const { stdout } = await cli.call(['status', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ event: 'result', data: { queen: null, hives: [], workers: [], models: [] } });
  });

  test('down reports that nothing is running', async () => {
    expect(await cli.call(['down'])).toMatchObject({ code: 0, stdout: 'nothing is running\n', stderr: '' });
  });

  test('queen stop reports that the queen is asleep', async () => {
    expect(await cli.call(['queen', 'stop'])).toMatchObject({ code: 0, stdout: 'queen is already asleep\n' });
  });

  test('a queen at RBEE_QUEEN_URL is never woken', async () => {
    const env = { RBEE_QUEEN_URL: `http://127.0.0.1:${cli.queenPort}` };
    const { code, stderr } = await cli.call(['hive', 'list'], { env });
    expect(code).toBe(4);
    expect(stderr).toContain('Failed to connect to queen: connection refused');
    expect(stderr).toContain(`RBEE_QUEEN_URL is ${env.RBEE_QUEEN_URL}`);
    for (const argv of [['status'], ['queen', 'status']]) {
      const { stdout } = await cli.call(argv, { env });
      expect(stdout).toContain(`the queen at 127.0.0.1:${cli.queenPort} (RBEE_QUEEN_URL) does not answer`);
      expect(stdout).not.toContain('Wake it');
    }
  });
});

describe('doctor', () => {
  test('doctor checks everything, and claims nothing about what it could not check', async () => {
    const { code, stdout } = await cli.run(['doctor']);
    expect([0, 7]).toContain(code);
    for (const name of ['node', 'memory', 'disk', 'home', 'engine', 'gpu', 'queen', 'hive', 'worker ports', 'processes']) {
      expect(stdout).toMatch(new RegExp(`^[✓✗] ${name} `, 'm'));
    }
    expect(stdout).toMatch(/^- hives +not checked: only an awake queen knows them \(rbee queen start\)$/m);
    expect(stdout).not.toContain('All is well');
    expect(stdout).toMatch(code === 0 ? /^No problem found; not checked: hives\.$/m : /^\d problems? found\.$/m);
  });

  test('a queen at RBEE_QUEEN_URL that does not answer is a problem, and the ports of this machine are not', async () => {
    const env = { RBEE_QUEEN_URL: `http://127.0.0.1:${cli.queenPort}`, RBEE_HIVE_PORT: 'x' };
    const { code, stdout } = await cli.run(['doctor', '--json'], { env });
    const { data } = JSON.parse(stdout) as { data: { ok: boolean; checks: { name: string; ok: boolean; says: string }[] } };
    expect({ code, ok: data.ok }).toEqual({ code: 7, ok: false });
    expect(data.checks.find(({ name }) => name === 'queen')).toMatchObject({
      ok: false,
      says: `the queen at 127.0.0.1:${cli.queenPort} (RBEE_QUEEN_URL) does not answer: connection refused`,
    });
    const text = await cli.run(['doctor'], { env });
    expect(text.stdout).toMatch(/^✗ hive +RBEE_HIVE_PORT is 'x'/m);
    const counted = text.stdout.split('\n').filter((line) => line.startsWith('✗') && !/^✗ (hive|worker ports|ssh) /.test(line));
    expect(text.stdout).toContain(`${counted.length} problem`);
  });

  test('doctor names the command that installs the engine of a machine with an NVIDIA GPU', async () => {
    const bin = join(cli.folder, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'nvidia-smi'), '#!/bin/sh\necho "0, GPU-1, NVIDIA H200, 143771, 143000, 580.95"\n', {
      mode: 0o755,
    });
    const { code, stdout } = await cli.run(['doctor', '--json'], { env: { PATH: `${bin}:${cli.env['PATH'] ?? ''}` } });
    const { data } = JSON.parse(stdout) as {
      data: { ok: boolean; checks: { name: string; ok: boolean; says: string; fix?: string }[] };
    };
    const gpu = data.checks.find(({ name }) => name === 'gpu');
    expect({ code, ok: data.ok }).toEqual({ code: 7, ok: false });
    expect(gpu).toMatchObject({ ok: false, says: 'NVIDIA H200, but the engine for it is not installed' });
    expect(gpu?.fix).toMatch(
      /^npm install --prefix \/.*\/home\/data\/engine @node-llama-cpp\/\w+-x64-cuda@(\d+\.\d+\.\d+) @node-llama-cpp\/\w+-x64-cuda-ext@\1$/,
    );
  });

  test('doctor runs all checks with an RBEE_HOME that is a file, and names the file', async () => {
    const { code, stdout } = await cli.run(['doctor'], { env: { RBEE_HOME: cli.entry, RBEE_HIVE_PORT: 'x' } });
    expect(code).toBe(7);
    expect(stdout).toMatch(new RegExp(`^✗ home +RBEE_HOME is ${cli.entry}, a file\n +set RBEE_HOME to a folder$`, 'm'));
    expect(stdout).toMatch(/^✗ hive +RBEE_HIVE_PORT is 'x'/m);
    expect(stdout).not.toContain('rbee doctor');
  });

  test('doctor creates no home', async () => {
    const home = join(cli.folder, 'no-home');
    await cli.run(['doctor'], { env: { RBEE_HOME: home } });
    await expect(mkdir(home)).resolves.toBeUndefined();
  });
});

test.each(['bash', 'zsh', 'fish'])('completions for %s include the commands', async (shell) => {
  const { code, stdout } = await cli.call(['completions', shell]);
  expect(code).toBe(0);
  expect(stdout).toContain('rbee worker');
});

const canFill = existsSync('/dev/full');

test
  .runIf(canFill)
  .each([
    [['--version']],
    [['--help']],
    [['worker']],
    [['status']],
    [['status', '--json']],
    [['doctor']],
    [['completions', 'bash']],
    [['queen', 'status']],
  ])('%j fails with a sentence when stdout cannot be written', async (argv) => {
  const { code, stderr } = await cli.run(argv, { stdout: '/dev/full' });
  expect({ argv, code }).toEqual({ argv, code: 7 });
  expect(stderr).toMatch(/^Error: The output could not be written: the disk is full\.\n/);
  expect(await cli.run(argv, { stdout: '/dev/full', stderr: '/dev/full' })).toMatchObject({ code: 7 });
});

test.runIf(canFill)('an error that --json cannot write to stdout goes to stderr, with the exit code of the error', async () => {
  const { code, stderr } = await cli.run(['worker', 'spwan', '--json'], { stdout: '/dev/full' });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('could not be written') as string });
});

test('text that is not UTF-8 is refused with a sentence, from stdin and from a file', async () => {
  const latin = Buffer.from('h\u00f6her', 'latin1');
  const file = join(cli.folder, 'messages.json');
  await writeFile(file, latin);
  const piped = await cli.run(['infer'], { input: latin });
  expect(piped).toMatchObject({ code: 2, stdout: '' });
  expect(piped.stderr).toContain('stdin is not UTF-8 text: it looks like an older encoding. Convert it');
  const read = await cli.run(['infer', '--messages', `@${file}`]);
  expect(read).toMatchObject({ code: 2, stderr: expect.stringContaining(`The file '${file}' is not UTF-8 text`) as string });
  const utf16 = await cli.run(['infer'], { input: Buffer.from('\ufeffhi', 'utf16le') });
  expect(utf16.stderr).toContain('it looks like UTF-16');
});

test('a closed stdout has a hint about stdout, and none about disk space', async () => {
  const command = `"${process.execPath}" "${cli.entry}" status 1</dev/null`;
  await expect(promisify(execFile)('sh', ['-c', command], { env: cli.env })).rejects.toMatchObject({
    code: 7,
    stderr:
      'Error: The output could not be written: stdout is closed.\n  Leave stdout open, or send the output somewhere: > answer.txt\n',
  });
});

test('an RBEE_HOME that is a file is one sentence, without a hint about a daemon', async () => {
  const { code, stderr } = await cli.run(['status'], { env: { RBEE_HOME: cli.entry } });
  expect({ code, stderr }).toEqual({
    code: 7,
    stderr: expect.stringMatching(/^Error: Cannot .* is a file, not a folder\. Set RBEE_HOME to .*\n$/) as string,
  });
});

test('a folder as stdin is refused with a sentence', async () => {
  const { code, stderr } = await cli.run(['infer'], { stdin: cli.folder });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'Error: stdin cannot be read: it is a folder.\n  See: rbee infer --help\n',
  });
});

test('output that its reader does not read to the end is not an error', async () => {
  const { child, ended } = cli.start(['completions', 'bash']);
  child.stdout?.destroy();
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});
