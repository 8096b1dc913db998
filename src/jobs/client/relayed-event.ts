import type { JobEvent } from '../../contract/index.ts';

/**
 * An event of a downstream job, kept as the JSON text that arrived. It reads like any event, but its data is parsed only on access:
 * a relay that does not look into an event does not pay for parsing it.
 */
export class RelayedEvent {
  readonly kind: JobEvent['kind'];
  readonly json: string;
  /** Its seq in the downstream job. */
  readonly below: number;

  constructor(kind: JobEvent['kind'], json: string, below: number) {
    this.kind = kind;
    this.json = json;
    this.below = below;
  }

  get data(): unknown {
    return JSON.parse(this.json) as unknown;
  }
}

export function relay(kind: JobEvent['kind'], json: string, below: number): JobEvent {
  return new RelayedEvent(kind, json, below) as JobEvent;
}
