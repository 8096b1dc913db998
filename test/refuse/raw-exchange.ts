import { connect } from 'node:net';

/** One answer, as far as it came. */
export interface RawAnswer {
  status: number;
  headers: string;
  body: string;
}

export interface RawExchange {
  answers: RawAnswer[];
  /** Whether the daemon closed the connection; otherwise the deadline ended the waiting. */
  isClosed: boolean;
}

export interface RawOptions {
  /** What the sender does after its last byte: waits for the answers, ends its half, or breaks the connection off. */
  then?: 'wait' | 'end' | 'break';
  /** So many answers end the waiting. */
  answers?: number;
  withinMs?: number;
}

/** Sends bytes as they are over a connection of its own, for what no HTTP client would send. */
export function rawExchange(port: number, bytes: string | Buffer, options: RawOptions = {}): Promise<RawExchange> {
  const { then = 'wait', answers = 1, withinMs = 60_000 } = options;
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = Buffer.alloc(0);
    const hasBodies = !bytes.toString('latin1').startsWith('HEAD ');
    const finish = (isClosed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ answers: answersIn(received, hasBodies), isClosed });
    };
    const timer = setTimeout(() => finish(false), withinMs);
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      if (answersIn(received, hasBodies).length >= answers) finish(false);
    });
    // A reset is a close too, and comes before it.
    socket.on('error', () => undefined);
    socket.on('close', () => finish(true));
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => {
      if (then === 'break') socket.resetAndDestroy();
    });
    if (then === 'end') socket.end();
  });
}

/** A connection that sends one more byte from time to time and never the last one. Resolves when the daemon has closed it. */
export function dripping(port: number, text: string, { everyMs }: { everyMs: number }): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  let sent = 0;
  const drip = setInterval(() => {
    // The last byte, which would finish the request, is never sent.
    if (sent < text.length - 1) socket.write(text.charAt(sent++));
  }, everyMs);
  return new Promise((resolve) => {
    socket
      .resume()
      .on('error', () => undefined)
      .on('close', () => {
        clearInterval(drip);
        resolve();
      });
  });
}

/** Whole responses only. Every response that is not a stream has a content-length, and one to HEAD has nothing but that. */
function answersIn(received: Buffer, hasBodies: boolean): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let at = 0; at < received.length;) {
    const end = received.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const headers = received.toString('latin1', at, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(headers)?.[1]);
    const lengthBytes = hasBodies ? Number(/^content-length: (\d+)$/im.exec(headers)?.[1] ?? 0) : 0;
    const start = end + '\r\n\r\n'.length;
    if (received.length < start + lengthBytes) break;
    if (status >= 200) answers.push({ status, headers, body: received.toString('utf8', start, start + lengthBytes) });
    at = start + lengthBytes;
  }
  return answers;
}
