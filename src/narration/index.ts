export { log, logAs } from './log.ts';
export { narrate, reportProgress } from './narrate.ts';
export { speaking } from './speaking.ts';
export { inJob, type Voice } from './voice.ts';
