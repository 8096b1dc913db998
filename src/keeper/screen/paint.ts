import picocolors from 'picocolors';

export type Paint = ReturnType<typeof picocolors.createColors>;

type Environment = Readonly<Record<string, string | undefined>>;

/** NO_COLOR (no-color.org) forbids, FORCE_COLOR asks for it, otherwise colour is for terminals. */
export function paintFor(isTerminal: boolean, env: Environment): Paint {
  return picocolors.createColors(wantsColour(isTerminal, env));
}

export const noPaint: Paint = picocolors.createColors(false);

function wantsColour(isTerminal: boolean, env: Environment): boolean {
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal && env['TERM'] !== 'dumb';
}
