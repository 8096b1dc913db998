import type { Said } from '../filled-hint.ts';
import { entities, isStatus, statusText } from './entities.ts';
import { explanationText, isExplanation } from './explanation.ts';
import { deletedText, isDeleted, isUninstalled, uninstalledText } from './forgotten.ts';
import type { Look } from './look.ts';
import { isSshHosts, isSshTest, sshHostsText, sshTestText } from './ssh.ts';
import { list } from './table.ts';
import { hasUnfinished, unfinishedText } from './unfinished.ts';

/** What was done, and what was said for it, where that is known. */
export interface Asked {
  operation: string;
  input?: Said;
}

/** What an operation returned, for people. An entity looks the same whichever operation returns it. */
export function resultText({ operation, input = {} }: Asked, value: unknown, look: Look): string {
  if (isStatus(value)) return statusText(value, look);
  if (isExplanation(value)) return explanationText(value, input, look);
  if (isSshTest(value)) return sshTestText(value, look);
  if (isSshHosts(value)) return sshHostsText(value, look);
  if (operation === 'hive_delete' && isDeleted(value)) return deletedText(value);
  if (operation === 'hive_uninstall' && isUninstalled(value)) return uninstalledText(value);
  if (operation === 'model_list' && hasUnfinished(value))
    return [listed({ models: value.models }, look), unfinishedText(value.unfinished)].join('\n\n');
  const entity = entities.find(({ schema }) => schema.safeParse(value).success);
  if (entity !== undefined) return entity.one(value, look);
  if (typeof value !== 'object' || value === null) return unknownText(value, look);
  return listed(value, look) ?? sentence(operation, value) ?? pairs(value, look);
}

/** `{ workers: [...] }`: one list and nothing else. */
function listed(value: object, look: Look): string | undefined {
  const [only, ...more] = Object.entries(value) as [string, unknown][];
  if (only === undefined || more.length > 0 || !Array.isArray(only[1])) return undefined;
  const [name, rows] = only as [string, unknown[]];
  if (rows.length === 0) return entities.find(({ plural }) => plural === name)?.none ?? `No ${name}.`;
  const entity = entities.find(({ schema }) => rows.every((row) => schema.safeParse(row).success));
  return entity?.many(rows, look) ?? rows.map((row) => unknownText(row, look)).join('\n\n');
}

function unknownText(value: unknown, look: Look): string {
  return typeof value === 'object' && value !== null ? pairs(value, look) : (plain(value) ?? '');
}

/** `{ worker_id: 'worker-1a2b' }` from worker_delete: 'worker-1a2b deleted'. */
function sentence(operation: string, value: object): string | undefined {
  const [only, ...more] = Object.values(value) as unknown[];
  const verb = operation.split('_').at(-1);
  if (typeof only !== 'string' || more.length > 0 || verb === undefined) return undefined;
  const noun = operation.split('_')[0];
  const name = noun === undefined || only.startsWith(`${noun}-`) ? only : `${noun} ${only}`;
  return `${name} ${verb.endsWith('e') ? `${verb}d` : `${verb}ed`}`;
}

function pairs(value: object, look: Look): string {
  return list(
    Object.entries(value).map(([key, each]) => [key.replaceAll('_', ' '), plain(each)]),
    look,
  );
}

function plain(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(plain).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
