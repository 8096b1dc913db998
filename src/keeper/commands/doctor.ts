import { errorCodes } from '../../contract/index.ts';
import { surviving, type Check } from '../doctor/check.ts';
import { checkDamaged } from '../doctor/damaged.ts';
import { checkEngine } from '../doctor/engine.ts';
import { checkFleet } from '../doctor/fleet.ts';
import { checkMachine } from '../doctor/machine.ts';
import { checkProcesses } from '../doctor/processes.ts';
import type { Session } from '../session.ts';
import type { Look } from '../show/look.ts';
import { count } from '../show/units.ts';
import { wrapped } from '../show/width.ts';

/** The exit code where something is wrong, as of other errors of this machine. */
const UNWELL_EXIT = errorCodes.port_taken.exit;

/** Checks everything that the next command needs. Wakes no daemon and changes no setting. */
export async function doctor({ view }: Session): Promise<number> {
  const looks = [checkMachine(), checkEngine(), checkFleet(), surviving('processes', checkProcesses), checkDamaged()];
  const checks = (await Promise.all(looks)).flat();
  const isWell = wrongOnes(checks).length === 0;
  const answer = { ok: isWell, checks: checks.map(forScripts) };
  await view.result(answer, (look) => doctorText(checks, look));
  return isWell ? 0 : UNWELL_EXIT;
}

function forScripts({ name, state, says, fix }: Check): object {
  const skipped = state === 'not checked' ? { skipped: true } : {};
  return { name, ok: state !== 'wrong', ...skipped, says, ...(fix === undefined ? {} : { fix }) };
}

export function doctorText(checks: readonly Check[], look: Look): string {
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map((check) => line(check, nameWidth, look));
  return `${lines.join('\n')}\n\n${verdict(checks)}`;
}

/** It claims no more than what was checked. */
function verdict(checks: readonly Check[]): string {
  const wrong = wrongOnes(checks).length;
  if (wrong > 0) return `${count(wrong, 'problem')} found.`;
  const skipped = checks.filter(({ state }) => state === 'not checked').map(({ name }) => name);
  return skipped.length === 0 ? 'All is well.' : `No problem found; not checked: ${skipped.join(', ')}.`;
}

function wrongOnes(checks: readonly Check[]): Check[] {
  return checks.filter(({ state, isOptional }) => state === 'wrong' && isOptional !== true);
}

function line({ name, state, says, fix }: Check, nameWidth: number, { paint, columns }: Look): string {
  const mark = { ok: paint.green('✓'), wrong: paint.red('✗'), 'not checked': paint.dim('-') }[state];
  const indent = ' '.repeat(nameWidth + 4);
  const text = wrapped(fix === undefined ? says : `${says}\n${fix}`, columns - indent.length).join(`\n${indent}`);
  return `${mark} ${name.padEnd(nameWidth)}  ${text}`;
}
