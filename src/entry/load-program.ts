import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname } from 'node:path';
import { Script } from 'node:vm';
import { rootsOf } from '../daemon/roots.ts';
import type { Roles } from '../keeper/index.ts';
import { placeOf, readCode, writeCode } from './code-cache.ts';

/** What each file of src/programs/ exports. */
export interface Program {
  /** @param elsewhere the roles that are in other programs */
  run(argv: readonly string[], elsewhere: Roles): Promise<void>;
}

const WRAPPER = ['(function (exports, require, module, __filename, __dirname) { ', '\n})'] as const;
/** By then, a daemon has started, and has usually done some work. */
const DAEMON_SETTLES_MS = 10_000;

/**
 * Runs a bundle as Node's require() does, but with the code that V8 compiled in an earlier process, which is half of what a command
 * costs. What V8 has compiled is stored after the work is done: at the end of a command, and a while after the start of a daemon.
 * @param command what it runs; commands use different functions, so the first use of each one is stored
 */
export function loadProgram(file: string, command: string): Program {
  const source = readFileSync(file);
  const { cache, state } = rootsOf(process.env);
  const place = placeOf(basename(file, '.js'), source, cache);
  const cached = readCode(place);
  // The build makes sure that it is ASCII, which is quicker to read.
  const script = new Script(WRAPPER.join(source.toString('latin1')), {
    filename: file,
    columnOffset: -WRAPPER[0].length,
    cachedData: cached?.data,
  });
  const commands = (script.cachedDataRejected === false && cached?.commands) || [];
  if (!commands.includes(command)) {
    storeLater(() => {
      // `rbee doctor` creates no home.
      if (existsSync(state)) writeCode(place, { data: script.createCachedData(), commands: [...commands, command] });
    });
  }
  const module = { exports: {} };
  const evaluate = script.runInThisContext() as (...given: unknown[]) => void;
  evaluate(module.exports, createRequire(file), module, file, dirname(file));
  return module.exports as Program;
}

/** What failed has not run all of its functions. */
function storeLater(store: () => void): void {
  const timer = setTimeout(() => {
    process.off('exit', atExit);
    store();
  }, DAEMON_SETTLES_MS).unref();
  const atExit = (code: number) => {
    clearTimeout(timer);
    if (code === 0) store();
  };
  process.once('exit', atExit);
}
