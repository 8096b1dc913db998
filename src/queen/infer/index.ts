export { resumeJobs, workerHandlers } from './worker-handlers.ts';
