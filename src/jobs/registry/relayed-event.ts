import type { JobEvent } from '../../contract/index.ts';

/**
 * An event from the job below, on its way up as the JSON that it came in. Reads like any event,
 * but its data is parsed only when somebody looks: relaying does not parse what it does not need.
 */
export class RelayedEvent {
  readonly kind: JobEvent['kind'];
  readonly json: string;
  /** Its seq in the job below. */
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
