import type { Program } from '../entry/load-program.ts';
import { main } from '../keeper/index.ts';

export const run: Program['run'] = main;
