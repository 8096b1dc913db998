export { log } from './log.ts';
export { narrate, reportProgress } from './narrate.ts';
export { currentJob, inJob, type Voice } from './voice.ts';
