import { randomBytes } from 'node:crypto';
import picocolors from 'picocolors';
import { printable } from '../../contract/index.ts';

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow';
export type Paint = Readonly<Record<Colour, (text: string) => string>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** NO_COLOR (no-color.org) forbids, FORCE_COLOR asks for it, otherwise colour is for terminals. */
export function paintFor(isTerminal: boolean, env: Environment): Paint {
  return wantsColour(isTerminal, env) ? colours : noPaint;
}

function wantsColour(isTerminal: boolean, env: Environment): boolean {
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal && env['TERM'] !== 'dumb';
}

/**
 * Stands on both sides of what rbee itself says to the terminal, until the text around it has been made safe. No text from elsewhere
 * has it: it is another one in each process.
 */
const OWN = `\ufdd0${randomBytes(9).toString('base64url')}`;

/** A control sequence of our own. It takes effect where `forTerminal` or `forPipe` has been applied. */
export function ownSequence(sequence: string): string {
  return OWN + sequence + OWN;
}

/** What may be written to a terminal: our own sequences, and everything else made safe. */
export function forTerminal(text: string): string {
  if (!text.includes(OWN)) return printable(text);
  const pieces = text.split(OWN);
  return pieces.map((piece, at) => (at % 2 === 1 ? piece : printable(piece))).join('');
}

/** The text as it is. There are sequences of our own in it where colours are asked for also in a pipe. */
export function forPipe(text: string): string {
  return text.replaceAll(OWN, '');
}

const picked = picocolors.createColors(true);
const colours: Paint = {
  bold: coloured('bold'),
  dim: coloured('dim'),
  red: coloured('red'),
  green: coloured('green'),
  yellow: coloured('yellow'),
};

function coloured(colour: Colour): (text: string) => string {
  const [begin = '', end = ''] = picked[colour]('|').split('|');
  return (text) => ownSequence(begin) + text + ownSequence(end);
}

const asItIs = (text: string): string => text;
export const noPaint: Paint = { bold: asItIs, dim: asItIs, red: asItIs, green: asItIs, yellow: asItIs };
