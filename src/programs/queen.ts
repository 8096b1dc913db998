import { hivePort, ownToken } from '../daemon/index.ts';
import type { Program } from '../entry/load-program.ts';
import { main, type QueenFlags } from '../keeper/index.ts';
import { createQueen } from '../queen/index.ts';
import { serveRole } from '../serve-role.ts';

export const run: Program['run'] = (argv, elsewhere) => main(argv, { ...elsewhere, queen: runQueen });

function runQueen({ host, port }: QueenFlags): Promise<void> {
  return serveRole({
    role: 'queen',
    name: 'queen',
    host,
    ports: { first: port, last: port },
    storage: 'disk',
    extra: {},
    create: ({ catalog }) =>
      createQueen({ port, hivePort: hivePort(), token: ownToken(), origins: process.env['RBEE_ORIGINS'] }, catalog),
  });
}
