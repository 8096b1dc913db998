import { Command } from 'commander';
import { HIVE_PORT } from '../contract/index.ts';
import { haltHive } from './commands/hive-halt.ts';
import { upHive } from './commands/hive-up.ts';
import { portOption } from './role-commands.ts';
import { runsWith } from './session.ts';

/** What a queen runs over SSH on a machine where she has installed a hive. Nobody else needs them, so help has them not. */
export function installedHiveCommands(): Command[] {
  return [
    runsWith(
      new Command('up')
        .description('Let the hive of this home run, in the background. For the queen that installed it.')
        .requiredOption('--id <id>', 'Its name in the fleet')
        .addOption(portOption(`its last one, or the first free one from ${HIVE_PORT}`))
        .option('--everywhere', 'Listen on every address of the machine, and not on its loopback alone')
        .option('--token-file <file>', 'Holds the token of the fleet'),
      (session, command) => upHive(session, command.opts()),
    ),
    runsWith(new Command('halt').description('Stop the hive of this home, and its workers.'), haltHive),
  ];
}
