import { answerQuestions } from '../child.ts';
import { openJob } from '../job-socket.ts';

/** Opens so many streams and holds them for as long as the process lives. */
export interface HoldQuestion {
  port: number;
  request: object;
  streams: number;
}

const OPENED_AT_ONCE = 50;

async function hold({ port, request, streams }: HoldQuestion): Promise<void> {
  for (let open = 0; open < streams; open += OPENED_AT_ONCE) {
    const batch = Array.from({ length: Math.min(OPENED_AT_ONCE, streams - open) }, () => openJob(port, request, () => undefined));
    await Promise.all(batch.map(({ opened }) => opened));
  }
}

answerQuestions<HoldQuestion>(hold);
