import type { Arguments, Value } from './values.ts';

export type Filter = (value: Value, args: Arguments, applied: Applied) => Value;

/** What a filter may use beside its arguments: other filters and tests, by name. */
export interface Applied {
  filter(name: string, value: Value, args: Arguments): Value;
  test(name: string, value: Value, args: Arguments): boolean;
}
