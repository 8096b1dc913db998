import { contains, holds } from './operators.ts';
import { textOf } from './text.ts';
import { Callable, Float, Members, Undefined, isEqual, isIterable, numberOf, type Value } from './values.ts';

export type Test = (value: Value, args: readonly Value[]) => boolean;

const equals: Test = (value, [other = null]) => isEqual(value, other);
const compares =
  (operator: string): Test =>
  (value, [other = null]) =>
    holds(operator, value, other);
const remainder = (value: Value, by: number) => {
  const number = numberOf(value) ?? Number.NaN;
  return number - by * Math.floor(number / by);
};

export const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['defined', (value) => !(value instanceof Undefined)],
  ['undefined', (value) => value instanceof Undefined],
  ['none', (value) => value === null],
  ['boolean', (value) => typeof value === 'boolean'],
  ['true', (value) => value === true],
  ['false', (value) => value === false],
  ['string', (value) => typeof value === 'string'],
  ['number', (value) => numberOf(value) !== undefined],
  ['integer', (value) => typeof value === 'number'],
  ['float', (value) => value instanceof Float],
  ['mapping', (value) => value instanceof Map],
  ['iterable', isIterable],
  [
    'sequence',
    (value) => typeof value === 'string' || Array.isArray(value) || value instanceof Map || value instanceof Undefined,
  ],
  ['callable', (value) => value instanceof Callable || (value instanceof Members && value.call !== undefined)],
  ['sameas', (value, [other = null]) => value === other],
  ['escaped', () => false],
  ['odd', (value) => remainder(value, 2) === 1],
  ['even', (value) => remainder(value, 2) === 0],
  ['divisibleby', (value, [by = 1]) => remainder(value, numberOf(by) ?? Number.NaN) === 0],
  ['lower', (value) => cased(value) && textOf(value) === textOf(value).toLowerCase()],
  ['upper', (value) => cased(value) && textOf(value) === textOf(value).toUpperCase()],
  ['in', (value, [container = null]) => contains(container, value)],
  ...['eq', 'equalto', '=='].map((name): [string, Test] => [name, equals]),
  ...['ne', '!='].map((name): [string, Test] => [name, compares('!=')]),
  ...['lt', 'lessthan', '<'].map((name): [string, Test] => [name, compares('<')]),
  ...['le', '<='].map((name): [string, Test] => [name, compares('<=')]),
  ...['gt', 'greaterthan', '>'].map((name): [string, Test] => [name, compares('>')]),
  ...['ge', '>='].map((name): [string, Test] => [name, compares('>=')]),
]);

function cased(value: Value): boolean {
  return /\p{L}/u.test(textOf(value));
}
