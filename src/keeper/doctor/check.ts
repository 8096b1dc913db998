/** One thing that doctor has looked at. */
export interface Check {
  /** What was looked at, one word or two. */
  name: string;
  isWell: boolean;
  /** What was seen. */
  says: string;
  /** What to do about it, when it is not well. */
  mend?: string;
  /** True for what one can do without: it does not make the machine unwell. */
  isOptional?: boolean;
}

/** A check that cannot be made is one that is not well, with the reason; the others go on. */
export async function surviving(name: string, look: () => Check | Promise<Check>): Promise<Check> {
  try {
    return await look();
  } catch (error) {
    return { name, isWell: false, says: error instanceof Error ? error.message : String(error) };
  }
}

export function well(name: string, says: string): Check {
  return { name, isWell: true, says };
}

export function unwell(name: string, says: string, mend: string): Check {
  return { name, isWell: false, says, mend };
}
