import { expect, test } from 'vitest';
import { workerArguments, type WorkerFlags } from '../contract/index.ts';
import { workerRunCommand } from './role-commands.ts';

const flags: WorkerFlags = {
  id: 'worker-1',
  hiveId: 'attic',
  model: 'tiny',
  modelPath: '/models/tiny model.gguf',
  engine: 'embedded',
  worker: 'cuda',
  device: 1,
  slots: 2,
  context: 1024,
  pinned: true,
  needBytes: 5_000_000,
  weightsBytes: 2_000_000,
  hiveUrl: 'http://[::1]:9000',
};

async function parsed(argv: readonly string[]): Promise<WorkerFlags | undefined> {
  let given: WorkerFlags | undefined;
  const notRun = async () => undefined;
  const command = workerRunCommand({
    queen: notRun,
    hive: notRun,
    probe: notRun,
    worker: async (read) => void (given = read),
  });
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  await command.parseAsync([...argv], { from: 'user' });
  return given;
}

test('rbee worker run reads from its command line the flags that a hive wrote there', async () => {
  expect(await parsed(workerArguments(flags))).toEqual(flags);
});

test('rbee worker run has defaults for device and slots', async () => {
  const least = ['--id', 'worker-1', '--hive-id', 'attic', '--model', 'tiny', '--model-path', '/tiny.gguf'];
  expect(await parsed(least)).toMatchObject({ engine: 'embedded', worker: 'cpu', device: 0, slots: 4, pinned: false });
});

test.each([
  [['--id', 'worker-1'], /required option '.*--hive-id <id>' not specified/],
  [[...workerArguments(flags), '--device', 'x'], /It must be a number/],
])('rbee worker run refuses %j', async (argv, message) => {
  await expect(parsed(argv)).rejects.toThrow(message);
});
