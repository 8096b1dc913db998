import { request } from 'node:http';

// The least that a command can do to ask: one POST, one stream, nothing but Node's own modules. Prints the tokens.

const [port, body = ''] = process.argv.slice(2);
const at = { host: '127.0.0.1', port };
const posting = request({ ...at, method: 'POST', path: '/v1/jobs', headers: { 'content-type': 'application/json' } });
posting.on('response', (answer) => {
  let text = '';
  answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  answer.on('end', () => stream((JSON.parse(text) as { sse_url: string }).sse_url));
});
posting.end(body);

function stream(path: string): void {
  request({ ...at, path })
    .on('response', (answer) => {
      let rest = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        const blocks = (rest + piece).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) print(block);
      });
    })
    .end();
}

function print(block: string): void {
  const [, kind, data = ''] = /^event: (\w+)\ndata: (.*)$/m.exec(block) ?? [];
  if (kind === 'token') process.stdout.write((JSON.parse(data) as { text: string }).text);
}
