import { JsonText } from './json-text.ts';

/** Reads the arguments of one call as they are written, and gives them as the text of a JSON object. */
export interface ArgumentsReader {
  /** What has been read of the text, which is what is left of earlier ones and more. */
  read(text: string): ReadArguments;
}

export interface ReadArguments {
  /** How many characters were read; the rest has to come again. */
  length: number;
  json: string;
  /** `whole` when what follows is behind the arguments, `lost` when it belongs to no arguments: they end here. */
  state: 'begun' | 'whole' | 'lost';
}

export class JsonArguments implements ArgumentsReader {
  #json = new JsonText();
  #hasBegun = false;

  read(text: string): ReadArguments {
    const space = this.#hasBegun ? 0 : text.length - text.trimStart().length;
    if (space === text.length) return { length: 0, json: '', state: 'begun' };
    if (!this.#hasBegun && text.charAt(space) !== '{') return { length: 0, json: '', state: 'lost' };
    this.#hasBegun = true;
    const { length, isWhole } = this.#json.read(text.slice(space));
    return { length: space + length, json: text.slice(space, space + length), state: isWhole ? 'whole' : 'begun' };
  }
}
