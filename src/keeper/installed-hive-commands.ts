import { Command } from 'commander';
import { HIVE_PORT } from '../contract/index.ts';
import { haltHive } from './commands/hive-halt.ts';
import { upHive } from './commands/hive-up.ts';
import { portOption } from './role-commands.ts';
import { runsWith } from './session.ts';

/** Commands that a queen runs over SSH on a machine where it has installed a hive. Help leaves them out. */
export function installedHiveCommands(): Command[] {
  return [
    runsWith(
      new Command('up')
        .description('Start the hive of this home, in the background. For the queen that installed it.')
        .requiredOption('--id <id>', 'Its name in the fleet')
        .addOption(portOption(`its last one, or the first free one from ${HIVE_PORT}`))
        .option('--everywhere', 'Listen on all addresses of the machine, not only on loopback')
        .option('--token-file <file>', 'File with the token of the fleet'),
      (session, command) => upHive(session, command.opts()),
    ),
    runsWith(new Command('halt').description('Stop the hive of this home, and its workers.'), haltHive),
  ];
}
