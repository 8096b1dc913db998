export { main } from './main.ts';
export type { Roles } from './role-commands.ts';
