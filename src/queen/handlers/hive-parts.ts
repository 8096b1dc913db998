import type { HomePaths } from '../../daemon/index.ts';
import type { Gates } from '../hives/gates.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import type { HiveTokens } from '../hives/hive-tokens.ts';
import type { Reach } from '../hives/reach.ts';
import type { RemoteHives } from '../hives/remote-hives.ts';
import type { FleetView } from '../presence/index.ts';

/** What the operations on hives work with. */
export interface HiveParts {
  hives: HiveCatalog;
  reach: Reach;
  view: FleetView;
  gates: Gates;
  remotes: RemoteHives;
  tokens: HiveTokens;
  paths: HomePaths;
}
