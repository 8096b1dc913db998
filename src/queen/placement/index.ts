export { FailedHives } from './failed-hives.ts';
export { createExplain, refusedBecause } from './explain.ts';
export { isFile } from './question.ts';
export { Dispatcher, type DispatcherParts } from './dispatcher.ts';
export { FleetIndex, type HiveState } from './fleet-index.ts';
export { prefixesOf } from './prefixes.ts';
export type { Reservation, ReservationInput, ReservationOptions, Outcome } from './reservation.ts';
