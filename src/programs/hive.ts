import { join } from 'node:path';
import type { Program } from '../entry/load-program.ts';
import { createHive } from '../hive/index.ts';
import { main, type HiveFlags } from '../keeper/index.ts';
import { serveRole } from '../serve-role.ts';

/** As seen from dist/: the folder of this rbee, with the models that came with it. */
const packageRoot = join(import.meta.dirname, '..');

export const run: Program['run'] = (argv, elsewhere) => main(argv, { ...elsewhere, hive: runHive });

function runHive({ id, host, port }: HiveFlags): Promise<void> {
  return serveRole({
    role: 'hive',
    name: id,
    host,
    ports: { first: port, last: port },
    storage: 'disk',
    extra: { hive_id: id },
    create: ({ catalog, port: own }) => createHive({ id, host, port: own, packageRoot }, catalog),
  });
}
