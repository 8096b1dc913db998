export { Presence } from './presence.ts';
export { servePresence } from './serve-presence.ts';
