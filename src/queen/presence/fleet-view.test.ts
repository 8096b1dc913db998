import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import type { Hive, PresenceLine, Worker } from '../../contract/index.ts';
import { FleetView } from './fleet-view.ts';

const NOW = '2026-11-21T08:00:00.000Z';
const machine: PresenceLine = {
  ...{ kind: 'hive', hive_id: 'attic', version: __RBEE_VERSION__, pid: 1, started_at: NOW, hostname: 'attic' },
  ...{ disk_free_bytes: 1e9, devices: [], models: [] },
};
const worker: Worker = {
  ...{ worker_id: 'worker-1', hive_id: 'attic', model: 'tiny', worker: 'cpu', device: 0, state: 'ready' },
  ...{ slots: 4, slots_used: 0, started_at: NOW, tokens_per_s: 1 },
};

/** A hive that sends what the test makes it send, and the view that knows it as `attic`. */
async function subscribed() {
  let reader: ServerResponse | undefined;
  const send = (...lines: PresenceLine[]) => reader?.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const server = createServer((_request, response) => {
    reader = response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    send(machine, { kind: 'worker', worker }, { kind: 'complete' });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const hive: Hive = { hive_id: 'attic', transport: 'http', host: '127.0.0.1', port, created_at: NOW };
  const onChange = vi.fn();
  const view = new FleetView({
    connect: () => Promise.resolve({ role: 'hive', name: 'attic', host: '127.0.0.1', port }),
    onChange,
    isStopped: () => false,
    onLost: () => undefined,
    onWorkerGone: () => undefined,
  });
  view.start([hive]);
  await view.settled();
  return {
    view,
    onChange,
    send,
    async [Symbol.asyncDispose]() {
      view.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a repeated complete line changes nothing', async () => {
  await using hive = await subscribed();
  hive.onChange.mockClear();
  hive.send(...Array.from({ length: 1_000 }, () => ({ kind: 'complete' }) as const));
  hive.send({ kind: 'worker', worker: { ...worker, slots_used: 1 } });
  await expect.poll(() => hive.view.fleet.worker('attic/worker-1')?.slots_used).toBe(1);
  expect(hive.onChange).toHaveBeenCalledOnce();
});

test('waiting requests are placed again when a slot becomes busy or free, and not when the speed of a worker changes', async () => {
  await using hive = await subscribed();
  hive.onChange.mockClear();
  hive.send({ kind: 'worker', worker: { ...worker, tokens_per_s: 2 } });
  await expect.poll(() => hive.view.fleet.worker('attic/worker-1')?.tokens_per_s).toBe(2);
  expect(hive.onChange).not.toHaveBeenCalled();
  hive.send({ kind: 'worker', worker: { ...worker, slots_used: 1 } });
  await expect.poll(() => hive.onChange.mock.calls.length).toBe(1);
});

test('a view that is closed reports nothing more: its hives are still registered, and run', async () => {
  await using hive = await subscribed();
  const onHive = vi.fn();
  hive.view.observe({ onHive, onWorker: () => undefined });
  hive.view.close();
  expect(onHive).not.toHaveBeenCalled();
});
