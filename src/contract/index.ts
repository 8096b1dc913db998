export * from './entities.ts';
export * from './errors.ts';
export { LOCALHOST } from './fields.ts';
export * from './events.ts';
export * from './infer.ts';
export { meantUrl } from './model-address.ts';
export * from './operations.ts';
export { printable, WholeCharacters } from './printable.ts';
export * from './run.ts';
