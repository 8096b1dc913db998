export { log, logAs } from './log.ts';
export { narrate, reportProgress } from './narrate.ts';
export { speaking, spoken } from './speaking.ts';
export { inJob, type Voice } from './voice.ts';
