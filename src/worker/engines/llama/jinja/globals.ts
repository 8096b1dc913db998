import { bound, integerOr, stringOr } from './arguments.ts';
import { dictionaryOf } from './collections.ts';
import { TemplateError } from './fault.ts';
import { strftime } from './strftime.ts';
import { textOf } from './text.ts';
import { Callable, Members, type Arguments, type Value } from './values.ts';

/** Jinja's sandbox refuses longer ranges. */
const LONGEST_RANGE = 100_000;

/** What every template knows, besides its variables: Jinja's own functions, and those that chat templates are given. */
export function globalsAt(now: () => Date): Map<string, Value> {
  const functions: [string, Callable['call']][] = [
    ['range', range],
    ['dict', ({ list, named }) => new Map([...dictionaryOf(list[0] ?? new Map()), ...named])],
    ['namespace', ({ list, named }) => new Members('namespace', new Map([...stringKeys(list[0]), ...named]))],
    ['joiner', joiner],
    ['cycler', cycler],
    [
      'raise_exception',
      ({ list }) => {
        throw new TemplateError(textOf(list[0] ?? ''));
      },
    ],
    ['strftime_now', (args) => strftime(now(), stringOr(bound(args, 'format').format, ''))],
  ];
  return new Map(functions.map(([name, call]) => [name, new Callable(name, call)]));
}

function stringKeys(value: Value | undefined): [string, Value][] {
  return value === undefined ? [] : [...dictionaryOf(value)].map(([key, item]) => [textOf(key), item]);
}

function range({ list }: Arguments): Value {
  const [first = 0, second, by] = list;
  const [from, to] = second === undefined ? [0, integerOr(first, 0)] : [integerOr(first, 0), integerOr(second, 0)];
  const step = integerOr(by, 1);
  if (step === 0) throw new TemplateError('range() arg 3 must not be zero');
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (length > LONGEST_RANGE) {
    throw new TemplateError(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${String(LONGEST_RANGE)}).`);
  }
  return Array.from({ length }, (_, index) => from + index * step);
}

function joiner(args: Arguments): Value {
  const separator = stringOr(bound(args, 'sep').sep, ', ');
  let isFirst = true;
  return new Callable('joiner', () => {
    const text = isFirst ? '' : separator;
    isFirst = false;
    return text;
  });
}

function cycler({ list }: Arguments): Value {
  if (list.length === 0) throw new TemplateError('at least one item has to be provided');
  const members = new Map<string, Value>();
  let at = 0;
  const show = () => {
    members.set('current', list[at % list.length] ?? null);
    return null;
  };
  members.set(
    'next',
    new Callable('next', () => {
      const value = list[at % list.length] ?? null;
      at++;
      show();
      return value;
    }),
  );
  members.set(
    'reset',
    new Callable('reset', () => {
      at = 0;
      return show();
    }),
  );
  show();
  return new Members('Cycler', members);
}
