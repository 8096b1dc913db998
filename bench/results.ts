import { readFile, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import type { BenchName, Results, Section } from './findings.ts';
import { renderPage } from './render.ts';

/** Keeps the sections of the benches that did not run. */
export async function saveSection(root: string, name: BenchName, section: Section): Promise<void> {
  const file = `${root}/bench/results.json`;
  const known = await readFile(file, 'utf8').catch(() => '{}');
  const results: Results = { ...(JSON.parse(known) as Results), [name]: section };
  await writeFile(file, await format(JSON.stringify(results), { parser: 'json', printWidth: 130 }));
  await writeFile(`${root}/docs/BENCHMARKS.md`, await format(renderPage(results), { parser: 'markdown', printWidth: 130 }));
}
