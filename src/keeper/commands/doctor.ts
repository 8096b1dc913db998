import { errorCodes } from '../../contract/index.ts';
import type { Check } from '../doctor/check.ts';
import { checkDaemons } from '../doctor/daemons.ts';
import { checkDamaged } from '../doctor/damaged.ts';
import { checkEngine } from '../doctor/engine.ts';
import { checkMachine } from '../doctor/machine.ts';
import type { Session } from '../session.ts';
import type { Look } from '../show/look.ts';
import { count } from '../show/units.ts';
import { wrapped } from '../show/width.ts';

/** The exit code of what is wrong with this machine. */
const UNWELL_EXIT = errorCodes.port_taken.exit;

/** Looks at all that rbee needs on this machine. Wakes nobody and changes nothing. */
export async function doctor({ view }: Session): Promise<number> {
  const looks = [checkMachine(), checkEngine(), checkDaemons(), checkDamaged()];
  const checks = (await Promise.all(looks)).flat();
  const isWell = checks.every((check) => check.isWell || check.isOptional);
  const answer = {
    ok: isWell,
    checks: checks.map(({ name, isWell: ok, says, mend }) => ({ name, ok, says, ...(mend === undefined ? {} : { mend }) })),
  };
  await view.result(answer, (look) => doctorText(checks, look));
  return isWell ? 0 : UNWELL_EXIT;
}

export function doctorText(checks: readonly Check[], look: Look): string {
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map((check) => line(check, nameWidth, look));
  const wrong = checks.filter(({ isWell, isOptional }) => !isWell && !isOptional).length;
  return `${lines.join('\n')}\n\n${wrong === 0 ? 'All is well.' : `${count(wrong, 'thing')} to mend.`}`;
}

function line({ name, isWell, says, mend }: Check, nameWidth: number, { paint, columns }: Look): string {
  const mark = isWell ? paint.green('✓') : paint.red('✗');
  const indent = ' '.repeat(nameWidth + 4);
  const text = wrapped(mend === undefined ? says : `${says}\n${mend}`, columns - indent.length).join(`\n${indent}`);
  return `${mark} ${name.padEnd(nameWidth)}  ${text}`;
}
