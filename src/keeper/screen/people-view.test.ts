import { Writable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import type { EventKind } from '../../contract/index.ts';
import { Pane } from './pane.ts';
import { PeopleView, type Verbosity } from './people-view.ts';

/** One screen, on which stdout and stderr both end up, as in a terminal window. */
class Screen {
  text = '';

  stream(isTTY: boolean): NodeJS.WriteStream {
    const write = (chunk: Buffer) => (this.text += chunk.toString());
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        write(chunk);
        done();
      },
    });
    return Object.assign(stream, { isTTY, columns: 60 }) as unknown as NodeJS.WriteStream;
  }
}

let screen: Screen;
beforeEach(() => {
  screen = new Screen();
});

function viewOn(isTTY: boolean, verbosity: Verbosity = 'normal'): PeopleView {
  const env = { NO_COLOR: '1' };
  return new PeopleView(new Pane(screen.stream(isTTY), env), new Pane(screen.stream(isTTY), env), verbosity);
}

const event = (kind: EventKind, data: unknown) => ({ id: 1, kind, json: JSON.stringify(data), operation: 'infer' });
const token = (text: string) => event('token', { text });
const said = (human: string) => event('narration', { actor: 'rbee-hive', human });
const progress = (done: number) =>
  event('progress', { action: 'worker_load', done, total: 100, unit: 'percent', rate: null, eta_s: null });
const CLEAR = '\r\u001b[2K';

describe('on a terminal', () => {
  test('a message in the middle of an answer gets a line of its own', async () => {
    const view = viewOn(true);
    await view.event(token('A bee'));
    await view.event(said('the worker is slow'));
    await view.event(said('but well'));
    await view.event(token(' flies.'));
    await view.endAnswer();
    expect(screen.text).toBe('A bee\n[rbee-hive]       the worker is slow\n[rbee-hive]       but well\n flies.\n');
  });

  test('progress rewrites its line and is erased before anything else is shown', async () => {
    const view = viewOn(true);
    await view.event(progress(40));
    await view.event(said('ready'));
    expect(screen.text).toBe(`${CLEAR}worker load  ████████░░░░░░░░░░░░  40 %${CLEAR}[rbee-hive]       ready\n`);
  });

  test('progress in the middle of an answer does not touch the line of the answer', async () => {
    const view = viewOn(true);
    await view.event(token('A bee'));
    await view.event(progress(40));
    await view.event(token(' flies.'));
    expect(screen.text).toBe(`A bee\n${CLEAR}worker load  ████████░░░░░░░░░░░░  40 %${CLEAR} flies.`);
  });

  test('reasoning is dim, and ends before the answer begins', async () => {
    const stream = screen.stream(true);
    const view = new PeopleView(new Pane(stream, {}), new Pane(stream, {}), 'normal');
    for (const text of ['Bees', ' fly.']) await view.event(event('reasoning', { text }));
    await view.event(token('Honey.'));
    await view.endAnswer();
    expect(screen.text).toBe('\u001b[2mBees\u001b[22m\u001b[2m fly.\u001b[22m\nHoney.\n');
  });

  test('on a terminal of width 0, which is unknown, nothing is cut', async () => {
    const stream = Object.assign(screen.stream(true), { columns: 0 });
    await new PeopleView(new Pane(stream, {}), new Pane(stream, { NO_COLOR: '1' }), 'normal').event(progress(40));
    expect(screen.text).toMatch(/40 %$/);
  });

  test('control sequences of a model or a daemon do not reach the terminal', async () => {
    const view = viewOn(true);
    await view.event(token('\u001b]0;owned\u0007ok\n\ttab'));
    await view.event(said('\u001b[2Jhello'));
    expect(screen.text).toBe('␛]0;owned␇ok\n\ttab\n[rbee-hive]       ␛[2Jhello\n');
  });

  test('a control sequence split over tokens is made safe, and a character split over tokens is put together', async () => {
    const view = viewOn(true);
    for (const text of ['a\u001b', ']52;c;aGk=\u0007', 'b\ud83d', '\udc1d', 'c\r', '\nd', 'e\r', 'f\ud83d'])
      await view.event(token(text));
    await view.endAnswer();
    expect(screen.text).toBe('a␛]52;c;aGk=␇b🐝c\nde␍f\ufffd\n');
  });

  test('control sequences in names, reasons, hints and errors are made safe, and the colours of rbee still work', async () => {
    const evil = 'x\u001b[31m\u009b2J\u202ey\u2066';
    const stream = screen.stream(true);
    const view = new PeopleView(new Pane(stream, {}), new Pane(stream, {}), 'verbose');
    const failure = { code: evil, message: evil, origin: evil, retryable: false, hint: evil, stack: evil };
    await view.event(event('narration', { actor: evil, human: evil, detail: true }));
    await view.event(event('progress', { action: evil, done: 1, total: null, unit: 'bytes', rate: null, eta_s: null }));
    await view.fail(failure as never);
    await view.cancelled(evil);
    await view.result(undefined, () => evil);
    const own = screen.text.replaceAll(CLEAR, '').replace(/\u001b\[(1|2|22|31|33|39)m/g, '');
    expect(screen.text).toContain('\u001b[31m\u001b[1mError:\u001b[22m\u001b[39m ');
    expect(own).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(own).not.toContain('xm');
    expect(own.match(/x␛\[31m\ufffd2J\ufffdy\ufffd/g)).toHaveLength(10);
  });

  test('the second line of a step is indented, so that it cannot pass for a step of another actor', async () => {
    await viewOn(true).event(said('one\n[queen-rbee] two'));
    expect(screen.text).toBe('[rbee-hive]       one\n                  [queen-rbee] two\n');
  });
});

describe('on a pipe', () => {
  test('a pipe gets all text unchanged, control sequences included', async () => {
    const view = viewOn(false);
    await view.event(token('\u001b[31mred\u001b[0m\r\n\u202eb\ud83d'));
    await view.event(token('\udc1d'));
    await view.endAnswer();
    await view.event(said('\u001b[2J'));
    expect(screen.text).toBe('\u001b[31mred\u001b[0m\r\n\u202eb🐝\n[rbee-hive]       \u001b[2J\n');
  });

  test('reasoning is shown only with -v', async () => {
    await viewOn(false).event(event('reasoning', { text: 'Bees fly.' }));
    expect(screen.text).toBe('');
    const view = viewOn(false, 'verbose');
    await view.event(event('reasoning', { text: 'Bees fly.' }));
    await view.event(said('ready'));
    expect(screen.text).toBe('Bees fly.\n[rbee-hive]       ready\n');
  });

  test('each call of a tool is a line, after the text of the answer', async () => {
    const answer = {
      text: 'Let me look.',
      finish_reason: 'tool_calls',
      tool_calls: [
        { id: 'call-1', name: 'weather', arguments: '{\n  "city": "Oslo"\n}' },
        { id: 'call-2', name: 'now', arguments: 'not\nJSON' },
      ],
      model: 'tiny',
      worker_id: 'worker-1',
      seed: 1,
      usage: { prompt_tokens: 1, completion_tokens: 9 },
      timings: { queue_ms: 0, first_token_ms: null, tokens_per_s: 0 },
    };
    const view = viewOn(false);
    await view.event(token('Let me look.'));
    await view.event(event('tool_call', { index: 0, id: 'call-1', name: 'weather' }));
    await view.event(event('result', answer));
    expect(screen.text).toBe('Let me look.\nweather {"city":"Oslo"}\nnow not JSON\n9 tokens\n');
  });

  test('a terminal that cannot rewrite a line gets whole lines', async () => {
    const env = { TERM: 'dumb' };
    const view = new PeopleView(new Pane(screen.stream(true), env), new Pane(screen.stream(true), env), 'normal');
    await view.event(progress(40));
    await view.event(said('ready'));
    expect(screen.text).toBe('[rbee-hive]       ready\n');
  });

  test('on a pipe no line is rewritten, and the progress of a short step is not shown', async () => {
    const view = viewOn(false);
    for (const done of [0, 50, 100]) await view.event(progress(done));
    expect(screen.text).toBe('');
  });

  test('the hint and the origin of an error follow a message of several lines', async () => {
    await viewOn(false).fail({ code: 'internal', message: 'one\ntwo', origin: 'rbee-hive', retryable: false, hint: 'try' });
    expect(screen.text).toBe('Error: one\ntwo\n  try\n  internal, from rbee-hive\n');
  });

  test('a stack is shown only with -v', async () => {
    const failure = {
      code: 'internal',
      message: 'm',
      origin: 'rbee-keeper',
      retryable: false,
      hint: 'h',
      stack: 'at x',
    } as const;
    await viewOn(false).fail(failure);
    expect(screen.text).toBe('Error: m\n  h\n');
    await viewOn(false, 'verbose').fail(failure);
    expect(screen.text).toContain('at x');
  });

  test('a job that another client cancelled is shown with the reason', async () => {
    await viewOn(false).cancelled('the queen is going to sleep');
    expect(screen.text).toBe('cancelled: the queen is going to sleep\n');
  });
});
