export { aliasHandlers } from './alias-handlers.ts';
export { ModelNames } from './model-names.ts';
