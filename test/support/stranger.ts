import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What it does: takes the port as soon as it is free, notes every byte, and answers as the health of a daemon would. */
const PROGRAM = `
const [port, answer] = process.argv.slice(1);
const server = require('node:http').createServer((request, response) => {
  const said = [request.method + ' ' + request.url, ...request.rawHeaders];
  request.on('data', (chunk) => said.push(chunk)).on('end', () => process.stdout.write(said.join(' ') + '\\n'));
  response.end(answer);
});
const take = () => server.listen(Number(port), '127.0.0.1');
server.on('error', () => setTimeout(take, 2)).on('listening', () => process.stdout.write('up\\n'));
take();
`;

/** Another program that listens in the place of a daemon: one of another user, where the tests may start such. */
export interface Stranger extends AsyncDisposable {
  /** Resolves when the port is its own. */
  listening: Promise<void>;
  /** What it was sent so far, a line a request. */
  heard(): string;
}

export function stranger(port: string | number | undefined, answer: unknown = {}): Stranger {
  const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const args = ['-e', PROGRAM, String(port), JSON.stringify(answer)];
  const child = spawn(process.execPath, args, { ...asNobody, cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  const listening = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
      if (heard.startsWith('up\n')) resolve();
    });
  });
  return {
    listening,
    heard: () => heard.slice('up\n'.length),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}
