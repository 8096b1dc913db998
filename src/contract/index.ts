export * from './entities.ts';
export * from './errors.ts';
export { LOCALHOST } from './fields.ts';
export * from './events.ts';
export * from './infer.ts';
export * from './killed-worker.ts';
export * from './needs-no-disk.ts';
export * from './operations.ts';
export * from './run.ts';
