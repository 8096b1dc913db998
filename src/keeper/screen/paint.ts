import { randomBytes } from 'node:crypto';
import picocolors from 'picocolors';
import { printable } from '../../contract/index.ts';

type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow';
export type Paint = Readonly<Record<Colour, (text: string) => string>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** NO_COLOR (no-color.org) disables colour, FORCE_COLOR enables it; otherwise only terminals get it. */
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
 * Marks both ends of rbee's own control sequences until the text around them has been made safe. It is random in each process, so no
 * text from elsewhere contains it.
 */
const OWN = `\ufdd0${randomBytes(9).toString('base64url')}`;

/** A control sequence of rbee. It takes effect once `forTerminal` or `forPipe` has been applied. */
export function ownSequence(sequence: string): string {
  return OWN + sequence + OWN;
}

/** Text for a terminal: rbee's own sequences as they are, everything else made safe. */
export function forTerminal(text: string): string {
  if (!text.includes(OWN)) return printable(text);
  const pieces = text.split(OWN);
  return pieces.map((piece, at) => (at % 2 === 1 ? piece : printable(piece))).join('');
}

/** Text for a pipe, as it is. It contains rbee's own sequences where FORCE_COLOR is set. */
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
