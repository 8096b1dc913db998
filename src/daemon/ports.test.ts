import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { bindFirstFree, firstFreePort, hivePort, queenPort, workerPorts } from './ports.ts';

const host = '127.0.0.1';

/** Listens until disposed. */
async function listener(port = 0): Promise<AsyncDisposable & { port: number }> {
  const server = createServer().listen({ port, host, exclusive: true });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

test('the default ports can be changed by environment variables', () => {
  expect([queenPort({}), hivePort({}), workerPorts({})]).toEqual([8500, 9000, { first: 9001, last: 10_000 }]);
  expect(queenPort({ RBEE_QUEEN_PORT: '18500' })).toBe(18_500);
  expect(hivePort({ RBEE_HIVE_PORT: ' 19000 ' })).toBe(19_000);
  expect(hivePort({ RBEE_HIVE_PORT: '' })).toBe(9000);
});

test('the ports of workers are a range, or its start', () => {
  expect(workerPorts({ RBEE_WORKER_PORTS: '9001-9100' })).toEqual({ first: 9001, last: 9100 });
  expect(workerPorts({ RBEE_WORKER_PORTS: '9001 - 9001' })).toEqual({ first: 9001, last: 9001 });
  expect(workerPorts({ RBEE_WORKER_PORTS: '65000' })).toEqual({ first: 65_000, last: 65_535 });
});

test.each(['0', '65536', '-1', '8500.5', '1e3', 'http', '0x2000', '８５００'])(
  'the port %j in RBEE_QUEEN_PORT is refused with the name of the variable',
  (text) => {
    expect(() => queenPort({ RBEE_QUEEN_PORT: text })).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        message: expect.stringContaining(`RBEE_QUEEN_PORT is '${text}'. Set a port`) as string,
      }),
    );
  },
);

test.each(['9100-9001', '9001-', '-9001', '9001-9002-9003', '9001,9002', '9001-70000', 'a-b'])(
  'the range %j in RBEE_WORKER_PORTS is refused with the name of the variable',
  (text) => {
    expect(() => workerPorts({ RBEE_WORKER_PORTS: text })).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        message: expect.stringContaining(`RBEE_WORKER_PORTS is '${text}'. Set a range`) as string,
      }),
    );
  },
);

test('the first free port skips ports in use, and is free afterwards', async () => {
  await using taken = await listener();
  const port = await firstFreePort({ first: taken.port, last: taken.port + 20 }, host);
  expect(port).toBeGreaterThan(taken.port);
  await using again = await listener(port);
  expect(again.port).toBe(port);
});

test('a range without a free port is port_taken', async () => {
  await using taken = await listener();
  await expect(firstFreePort({ first: taken.port, last: taken.port }, host)).rejects.toMatchObject({
    code: 'port_taken',
    message: expect.stringContaining(`Port ${taken.port} is in use by another program`) as string,
  });
});

test('concurrent starters in the same range all get different ports', async () => {
  await using taken = await listener();
  const range = { first: taken.port, last: taken.port + 50 };
  const bound = await Promise.all(Array.from({ length: 8 }, () => bindFirstFree(range, listener)));
  try {
    expect(new Set(bound.map(({ port }) => port)).size).toBe(8);
  } finally {
    await Promise.all(bound.map((one) => one[Symbol.asyncDispose]()));
  }
});

test('listening on the address of another machine fails with an error that names the address', async () => {
  await expect(firstFreePort({ first: 9001, last: 9002 }, '192.0.2.1')).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.stringContaining('192.0.2.1') as string,
  });
});

test('an error of the bind other than a port in use is rethrown', async () => {
  const defect = new RangeError('a defect');
  await expect(bindFirstFree({ first: 9001, last: 9002 }, () => Promise.reject(defect))).rejects.toBe(defect);
});
