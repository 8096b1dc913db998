import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * They wait for deadlines of half a minute, or for many daemons. One that began last would be alone at the end. Kept by hand, because
 * vitest knows durations only of former runs, and a clean clone has none. Of those that pack a kit, one is first: the others find it made.
 */
const LONGEST = [
  'hosts/faults',
  'frozen',
  'install',
  'crash',
  'hosts/fleet',
  'vulkan',
  'refuse/requests',
  'failures',
  'refuse/broken-models',
  'hosts/names',
  'operations',
];

/** After all others: they are short, and fill the end. */
const UNITS = LONGEST.length + 1;

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId, project }: TestSpecification): number {
  // A process is handed from one file to the next only where the next is one that shares it.
  if (project.config.isolate) return -1;
  if (!relative(project.config.root, moduleId).startsWith('test')) return UNITS;
  const at = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return at === -1 ? LONGEST.length : at;
}
