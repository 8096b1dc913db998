import { expect, test } from 'vitest';
import { openMemoryCatalog } from '../../jobs/index.ts';
import { HiveCatalog } from './hive-catalog.ts';

test('hives that were registered before there were transports are local or called directly', () => {
  const catalog = openMemoryCatalog();
  const stored = catalog.collection<object>('hives');
  const created_at = '2026-01-01T00:00:00.000Z';
  stored.put('localhost', { hive_id: 'localhost', host: '127.0.0.1', port: 9000, managed: true, created_at });
  stored.put('attic', { hive_id: 'attic', host: '192.0.2.7', port: 9000, managed: false, created_at });
  catalog.collection<{ done: string }>('marks').put('localhost_registered', { done: created_at });
  const hives = new HiveCatalog(catalog, 9100, () => undefined);
  expect(hives.list()).toEqual([
    { hive_id: 'localhost', host: '127.0.0.1', port: 9100, transport: 'local', created_at },
    { hive_id: 'attic', host: '192.0.2.7', port: 9000, transport: 'http', created_at },
  ]);
});

test.each(['b ad', 'a;b', '-x', '', 'ü', 'a'.repeat(65)])(
  'a hive is not registered under the id %j, which no command line takes as it is',
  (id) => {
    const hives = new HiveCatalog(openMemoryCatalog(), 9100, () => undefined);
    const hive = {
      hive_id: id,
      host: '192.0.2.7',
      port: 9000,
      transport: 'http',
      created_at: '2026-01-01T00:00:00.000Z',
    } as const;
    expect(() => hives.add(hive)).toThrowError(`'${id}' cannot be the id of a hive`);
    expect(hives.find(id)).toBeUndefined();
  },
);
