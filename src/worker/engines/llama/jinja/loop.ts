import { textOf } from './text.ts';
import { Callable, Undefined, type Value } from './values.ts';

/** The members of `loop`. Most templates look at one or two of them. */
export class LoopState {
  index = 0;
  #items: readonly Value[];
  #depth: number;
  /** What `changed` was asked last. */
  #last: string | undefined;

  constructor(items: readonly Value[], depth: number) {
    this.#items = items;
    this.#depth = depth;
  }

  get(name: string): Value | undefined {
    const { length } = this.#items;
    switch (name) {
      case 'index':
        return this.index + 1;
      case 'index0':
        return this.index;
      case 'revindex':
        return length - this.index;
      case 'revindex0':
        return length - this.index - 1;
      case 'first':
        return this.index === 0;
      case 'last':
        return this.index === length - 1;
      case 'length':
        return length;
      case 'depth':
        return this.#depth;
      case 'depth0':
        return this.#depth - 1;
      default:
        return this.#neighbour(name);
    }
  }

  #neighbour(name: string): Value | undefined {
    switch (name) {
      case 'previtem':
        return this.index > 0 ? this.#items[this.index - 1] : new Undefined('there is no previous item');
      case 'nextitem':
        return this.index + 1 < this.#items.length ? this.#items[this.index + 1] : new Undefined('there is no next item');
      case 'cycle':
        return new Callable(name, ({ list }) => list[this.index % list.length] ?? null);
      case 'changed':
        return new Callable(name, ({ list }) => this.#hasChanged(list));
      default:
        return undefined;
    }
  }

  #hasChanged(values: readonly Value[]): boolean {
    const now = values.map(textOf).join('\0');
    const isChanged = now !== this.#last;
    this.#last = now;
    return isChanged;
  }
}
