import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { answerQuestions } from '../child.ts';
import type { Plan } from '../hops/plan.ts';
import { Ticker } from '../hops/ticker.ts';
import type { WorkerQuestion } from '../hops/worker-process.ts';

/** A server that speaks OpenAI's streaming chat, and whose engine is a timer: what stands behind the other gateways, and behind nginx. */
const ticker = new Ticker();

const server = createServer((request, response) => {
  answer(request, response).catch((cause: unknown) => response.destroy(cause as Error));
});
server.listen(0, '127.0.0.1', 4_096);
await once(server, 'listening');

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { messages } = JSON.parse(await text(request)) as { messages: { content: string | { text: string }[] }[] };
  const content = messages.at(-1)?.content ?? '';
  const plan = JSON.parse(typeof content === 'string' ? content : (content[0]?.text ?? '')) as Plan;
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  response.flushHeaders();
  let delta: object = { role: 'assistant' };
  for await (const token of ticker.stream(plan)) {
    if (response.destroyed) return;
    response.write(chunk({ delta: { ...delta, content: token }, finish_reason: null }));
    delta = {};
  }
  response.end(`${chunk({ delta: {}, finish_reason: 'length' })}data: [DONE]\n\n`);
}

function chunk(choice: object): string {
  const head = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1, model: 'bench' };
  return `data: ${JSON.stringify({ ...head, choices: [{ index: 0, ...choice }] })}\n\n`;
}

answerQuestions<WorkerQuestion>((question) => {
  switch (question.kind) {
    case 'port':
      return (server.address() as AddressInfo).port;
    case 'arrived':
      return ticker.streamsArrived(question.streams);
    case 'go':
      return ticker.go();
    case 'stop':
      return ticker.stop();
  }
});
