import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { checkMachine } from './check-machine.ts';
import { SshShells } from '../ssh/index.ts';

/** Sends as fast as the client reads. */
function pour(socket: Socket, piece: string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}

/** Programs at the port of an SSH server that never complete a login. */
const SERVERS: readonly [string, (socket: Socket) => void][] = [
  ['sends nothing', () => undefined],
  ['sends endless bytes without a line feed', (socket) => pour(socket, 'x'.repeat(65_536))],
  ['sends endless lines', (socket) => pour(socket, 'garbage\r\n'.repeat(4_096))],
  ['greets and then sends nothing', (socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
  [
    'greets and then sends endless bytes',
    (socket) => (socket.write('SSH-2.0-OpenSSH_9.2\r\n'), pour(socket, '\0'.repeat(65_536))),
  ],
];

/** More than the deadlines of ssh and of rbee together. */
const WITHIN_MS = 60_000;

describe.skipIf(spawnSync('ssh', ['-V']).error !== undefined)('an SSH server that', () => {
  test.concurrent.each(SERVERS)('%s makes a machine check, a command and a tunnel fail in time', async (_name, answer) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      answer(socket.on('error', () => undefined).resume());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    const run = await mkdtemp(join(tmpdir(), 'rbee-run-'));
    const shells = new SshShells({ run });
    const signal = AbortSignal.timeout(WITHIN_MS);
    const tunnel = await shells.tunnel(target, { remotePort: 9_000 });
    try {
      const [command, opened, tested] = await Promise.allSettled([
        shells.of(target).run('true', { signal, withinMs: 10_000 }),
        tunnel.ready(signal),
        checkMachine(target, { signal, port: 9_000, onCheck: () => undefined }),
      ]);
      const refused = { code: expect.stringMatching(/^(ssh_unreachable|deadline_exceeded)$/) as string };
      expect([command, opened]).toMatchObject([{ reason: refused }, { reason: refused }]);
      expect(tested.status === 'fulfilled' && tested.value.at(-1)).toMatchObject({ check: 'connect', ok: false });
    } finally {
      await tunnel.close();
      await shells.close();
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(run, { recursive: true });
    }
  });
});
