import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

// Imports nothing but Node: every start of rbee loads it before anything else.

export type Environment = Readonly<Record<string, string | undefined>>;

/** XDG on Linux and macOS alike (DESIGN, section 7), or everything under RBEE_HOME when that is set. */
export function rootsOf(env: Environment): Record<'config' | 'data' | 'state' | 'cache', string> {
  if (env['RBEE_HOME']) {
    const home = resolve(env['RBEE_HOME']);
    return { config: join(home, 'config'), data: join(home, 'data'), state: join(home, 'state'), cache: join(home, 'cache') };
  }
  const home = env['HOME'] || homedir();
  // The XDG specification: a relative path is invalid and must be ignored.
  const xdg = (name: string, fallback: string) => {
    const path = env[name];
    return join(path !== undefined && isAbsolute(path) ? path : join(home, fallback), 'rbee');
  };
  return {
    config: xdg('XDG_CONFIG_HOME', '.config'),
    data: xdg('XDG_DATA_HOME', '.local/share'),
    state: xdg('XDG_STATE_HOME', '.local/state'),
    cache: xdg('XDG_CACHE_HOME', '.cache'),
  };
}
