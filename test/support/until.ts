const [FIRST_MS, MOST_MS] = [20, 300];

/** Looks again and again, ever more seldom: some looks are a whole command. For what tells nobody when it happens. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const end = Date.now() + withinMs;
  for (let pauseMs = FIRST_MS; !(await isSo()); pauseMs = Math.min(MOST_MS, 1.5 * pauseMs)) {
    if (Date.now() > end) throw new Error(`after ${withinMs} ms still not: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
