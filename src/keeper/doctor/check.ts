/** One thing that doctor has checked. */
export interface Check {
  /** What was checked, in one or two words. */
  name: string;
  state: 'ok' | 'wrong' | 'not checked';
  /** What was found. */
  says: string;
  /** What to do about it. */
  fix?: string;
  /** rbee works here without it, so it does not count as wrong. */
  isOptional?: boolean;
}

/** A check that fails to run counts as wrong, with the reason; the other checks still run. */
export async function surviving(name: string, look: () => Check | Promise<Check>): Promise<Check> {
  try {
    return await look();
  } catch (error) {
    return { name, state: 'wrong', says: error instanceof Error ? error.message : String(error) };
  }
}

export function well(name: string, says: string): Check {
  return { name, state: 'ok', says };
}

export function unwell(name: string, says: string, fix: string): Check {
  return { name, state: 'wrong', says, fix };
}

export function optional(check: Check): Check {
  return { ...check, isOptional: true };
}
