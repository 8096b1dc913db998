/** Looks again and again; for what tells nobody when it happens. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`after ${withinMs} ms still not: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
