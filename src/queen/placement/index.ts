export { Dispatcher } from './dispatcher.ts';
export { createExplain, refusedBecause } from './explain.ts';
export { FailedHives } from './failed-hives.ts';
export { FleetIndex } from './fleet-index.ts';
export { prefixesOf } from './prefixes.ts';
export { isFile } from './question.ts';
export type { Reservation, ReservationInput } from './reservation.ts';
