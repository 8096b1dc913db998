import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { JsonView } from './json-view.ts';
import { Pane } from './pane.ts';

async function linesOn(isTTY: boolean, json: string): Promise<string> {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const pane = new Pane(Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream, {});
  await new JsonView(pane, pane).event({ id: 1, kind: 'token', json });
  return text;
}

const said = { text: 'b\u001b\u009b2J\u202e\u200b🐝é\u{e0041}' };

test('a pipe gets the JSON of an event unchanged', async () => {
  const json = JSON.stringify(said);
  expect(await linesOn(false, json)).toBe(`{"id":1,"event":"token","data":${json}}\n`);
});

test('on a terminal, control characters in JSON are escaped and the values stay the same', async () => {
  const line = await linesOn(true, JSON.stringify(said));
  expect(line).toContain('"b\\u001b\\u009b2J\\u202e\\u200b🐝é\\udb40\\udc41"');
  expect(JSON.parse(line)).toEqual({ id: 1, event: 'token', data: said });
});
