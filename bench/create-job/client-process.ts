import { connect } from 'node:net';
import { answerQuestions } from '../child.ts';
import { postOf } from '../job-socket.ts';

/** Posts the same job again and again, on each connection as soon as the last answer is there. */
export interface PostQuestion {
  port: number;
  request: object;
  connections: number;
  /** Whichever comes first. */
  limit: { requests: number; seconds: number };
}

export interface Posted {
  requests: number;
  seconds: number;
}

async function post({ port, request, connections, limit }: PostQuestion): Promise<Posted> {
  const wire = postOf(request);
  const started = performance.now();
  const deadline = started + limit.seconds * 1000;
  let sent = 0;
  let answered = 0;
  const mayGoOn = () => sent < limit.requests && performance.now() < deadline;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const next = () => {
        if (mayGoOn()) {
          sent += 1;
          socket.write(wire);
        } else socket.destroy();
      };
      let text = '';
      socket.setEncoding('latin1').on('data', (piece: string) => {
        text += piece;
        // The answer is one small JSON object, and the only brace that ends a line is its last.
        if (!text.endsWith('}')) return;
        if (!text.startsWith('HTTP/1.1 200 ')) reject(new Error(`no job was made: ${text}`));
        text = '';
        answered += 1;
        next();
      });
      socket.on('connect', next).on('error', reject).on('close', resolve);
    });
  await Promise.all(Array.from({ length: connections }, one));
  return { requests: answered, seconds: (performance.now() - started) / 1000 };
}

answerQuestions<PostQuestion>(post);
