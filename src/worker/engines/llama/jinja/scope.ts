import { Undefined, type Value } from './values.ts';

/** The variables of a block. What a block sets, no block around it sees. */
export class Scope {
  #values = new Map<string, Value>();
  #around: Scope | undefined;

  constructor(around?: Scope) {
    this.#around = around;
  }

  get(name: string): Value {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    return this.#around ? this.#around.get(name) : new Undefined(`'${name}' is undefined`);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}
