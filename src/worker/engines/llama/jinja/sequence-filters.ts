import { bound, integerOr } from './arguments.ts';
import { orElse, pathGetter } from './collections.ts';
import { TemplateError } from './fault.ts';
import type { Applied, Filter } from './filter.ts';
import { memberOf } from './members.ts';
import { calculate } from './operators.ts';
import { textOf } from './text.ts';
import { Iteration, Tuple, Undefined, compare, isEqual, isTrue, iterate, type Arguments, type Value } from './values.ts';

export const sequenceFilters: Record<string, Filter> = {
  list: (value) => [...iterate(value)],
  first: (value) => {
    const next = iterate(value).next();
    return next.done === true ? new Undefined('No first item, sequence was empty.') : next.value;
  },
  last: (value) => {
    const last = [...iterate(value)].at(-1);
    return last === undefined ? new Undefined('No last item, sequence was empty.') : last;
  },
  random: (value) => {
    const items = [...iterate(value)];
    return items[Math.floor(Math.random() * items.length)] ?? new Undefined('No random item, sequence was empty.');
  },
  reverse: (value) => (typeof value === 'string' ? [...value].reverse().join('') : new Iteration([...iterate(value)].reverse())),
  join: (value, args) => {
    const { d = '', attribute } = bound(args, 'd', 'attribute');
    return Array.from(iterate(value), (item) => textOf(part(attribute)(item))).join(textOf(d));
  },
  sort: (value, args) => {
    const { reverse = false, case_sensitive: isExact = false, attribute } = bound(args, 'reverse', 'case_sensitive', 'attribute');
    const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute];
    const keys = (item: Value) => paths.map((path) => sortKey(part(path)(item), isExact));
    const direction = isTrue(reverse) ? -1 : 1;
    const keyed = Array.from(iterate(value), (item): [Value[], Value] => [keys(item), item]);
    return keyed.sort(([a], [b]) => direction * compare(a, b)).map(([, item]) => item);
  },
  unique: (value, args) => {
    const { case_sensitive: isExact = false, attribute } = bound(args, 'case_sensitive', 'attribute');
    const seen: Value[] = [];
    return new Iteration(
      [...iterate(value)].filter((item) => {
        const key = sortKey(part(attribute)(item), isExact);
        return !seen.some((each) => isEqual(each, key)) && seen.push(key) > 0;
      }),
    );
  },
  min: (value, args) => extreme(value, args, -1),
  max: (value, args) => extreme(value, args, 1),
  sum: (value, args) => {
    const { attribute, start = 0 } = bound(args, 'attribute', 'start');
    return Array.from(iterate(value), part(attribute)).reduce((sum, item) => calculate('+', sum, item), start);
  },
  groupby: (value, args) => {
    const {
      attribute,
      default: otherwise,
      case_sensitive: isExact = false,
    } = bound(args, 'attribute', 'default', 'case_sensitive');
    const groups: { key: Value; items: Value[] }[] = [];
    const get = part(attribute);
    const keyed = Array.from(iterate(value), (item) => ({ key: sortKey(orElse(get(item), otherwise), isExact), item }));
    for (const { key, item } of keyed.sort((a, b) => compare(a.key, b.key))) {
      const last = groups.at(-1);
      if (last && isEqual(last.key, key)) last.items.push(item);
      else groups.push({ key, items: [item] });
    }
    return groups.map(({ items }) => Tuple.from([orElse(get(items[0] ?? null), otherwise), items]));
  },
  batch: (value, args) => {
    const { linecount, fill_with: filler = null } = bound(args, 'linecount', 'fill_with');
    const [items, size] = [[...iterate(value)], integerOr(linecount, 1)];
    const rows = Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
      items.slice(index * size, (index + 1) * size),
    );
    if (filler !== null) for (let row = rows.at(-1); row && row.length < size;) row.push(filler);
    return new Iteration(rows);
  },
  slice: (value, args) => {
    const { slices, fill_with: filler = null } = bound(args, 'slices', 'fill_with');
    const [items, count] = [[...iterate(value)], integerOr(slices, 1)];
    const [size, longer] = [Math.floor(items.length / count), items.length % count];
    return new Iteration(
      Array.from({ length: count }, (_, index) => {
        const from = index * size + Math.min(index, longer);
        const row = items.slice(from, from + size + Number(index < longer));
        return filler !== null && index >= longer && longer > 0 ? [...row, filler] : row;
      }),
    );
  },
  map: (value, args, applied) => (isTrue(value) ? new Iteration(mapped(value, args, applied)) : new Iteration([])),
  select: (value, args, applied) => selected(value, { args, applied, isWanted: true, hasPath: false }),
  reject: (value, args, applied) => selected(value, { args, applied, isWanted: false, hasPath: false }),
  selectattr: (value, args, applied) => selected(value, { args, applied, isWanted: true, hasPath: true }),
  rejectattr: (value, args, applied) => selected(value, { args, applied, isWanted: false, hasPath: true }),
};

function part(path: Value | undefined): (value: Value) => Value {
  return pathGetter(path, memberOf);
}

/** What a value is sorted and compared by: of a text, unless case makes a difference, the text in lower case. */
export function sortKey(value: Value, isExact: Value): Value {
  return typeof value === 'string' && !isTrue(isExact) ? value.toLowerCase() : value;
}

function extreme(value: Value, args: Arguments, direction: 1 | -1): Value {
  const { case_sensitive: isExact = false, attribute } = bound(args, 'case_sensitive', 'attribute');
  const keyed = Array.from(iterate(value), (item) => ({ key: sortKey(part(attribute)(item), isExact), item }));
  const [first, ...rest] = keyed;
  if (!first) return new Undefined('No aggregated item, sequence was empty.');
  return rest.reduce((best, each) => (direction * compare(each.key, best.key) > 0 ? each : best), first).item;
}

function* mapped(value: Value, { list, named }: Arguments, applied: Applied): Generator<Value, void, void> {
  if (list.length === 0 && named.has('attribute')) {
    const get = part(named.get('attribute'));
    for (const item of iterate(value)) yield orElse(get(item), named.get('default'));
    return;
  }
  const [name, ...rest] = list;
  if (typeof name !== 'string') throw new TemplateError('map requires a filter argument');
  for (const item of iterate(value)) yield applied.filter(name, item, { list: rest, named });
}

interface Selection {
  args: Arguments;
  applied: Applied;
  isWanted: boolean;
  /** True when the first argument is the path of what is tested. */
  hasPath: boolean;
}

function selected(value: Value, { args, applied, isWanted, hasPath }: Selection): Iteration {
  if (!isTrue(value)) return new Iteration([]);
  const [path, [name, ...rest]] = hasPath ? [args.list[0], args.list.slice(1)] : [undefined, args.list];
  if (hasPath && path === undefined) throw new TemplateError('Missing parameter for attribute name');
  const get = part(path);
  const isSelected = (item: Value) =>
    name === undefined ? isTrue(get(item)) : applied.test(textOf(name), get(item), { list: rest, named: args.named });
  return new Iteration(filtered(value, (item) => isSelected(item) === isWanted));
}

function* filtered(value: Value, isSelected: (item: Value) => boolean): Generator<Value, void, void> {
  for (const item of iterate(value)) if (isSelected(item)) yield item;
}
