import type { EventKind } from '../../contract/index.ts';

/** An event as it came over the wire, its data unparsed. */
export interface StreamEvent {
  seq: number;
  kind: EventKind;
  /** One line. */
  json: string;
}
