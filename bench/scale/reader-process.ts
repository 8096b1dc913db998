import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { PING_LINE } from '../../src/jobs/feed/feed-lines.ts';
import { answerQuestions } from '../child.ts';

/** The bare limit: reads the lines of all hives, parses them as JSON, and keeps the last report of each worker. */
const workers = new Map<string, unknown>();

/** Resolves when each has said all of it once. */
answerQuestions<{ ports: number[] }>(({ ports }) => Promise.all(ports.map(read)).then(() => null));

async function read(port: number): Promise<void> {
  const [response] = (await once(get({ host: '127.0.0.1', port, path: '/v1/presence', agent: false }), 'response')) as [
    IncomingMessage,
  ];
  let rest = '';
  await new Promise<void>((resolve) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== PING_LINE && take(line) === 'complete') resolve();
    });
  });
}

function take(line: string): string {
  const { kind, worker } = JSON.parse(line) as { kind: string; worker?: { worker_id: string } };
  if (worker !== undefined) workers.set(worker.worker_id, worker);
  return kind;
}
