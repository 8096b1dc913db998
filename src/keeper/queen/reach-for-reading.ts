import { newCorrelationId, type Peer } from '../../jobs/client.ts';
import type { Session } from '../session.ts';
import { reachQueen } from './wake-queen.ts';

/** The queen, awake, for a command that only reads its jobs: they are kept while it is asleep. */
export async function reachForReading({ view, interrupt }: Session): Promise<Peer> {
  interrupt.listen();
  const correlationId = newCorrelationId();
  return reachQueen({ narrate: (step) => view.narrate(step, correlationId), signal: interrupt.signal });
}
