import { answerQuestions } from '../child.ts';
import { openJob } from '../job-socket.ts';

/** So many jobs, each followed to its end, so many of them at once. */
export interface RunQuestion {
  port: number;
  request: object;
  jobs: number;
  atOnce: number;
}

/** @returns for each job, milliseconds from its POST to its terminal event */
async function run({ port, request, jobs, atOnce }: RunQuestion): Promise<number[]> {
  const timesMs: number[] = [];
  let left = jobs;
  const inTurn = async () => {
    while (left > 0) {
      left -= 1;
      const started = performance.now();
      await openJob(port, request, () => undefined).ended;
      timesMs.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, inTurn));
  return timesMs;
}

answerQuestions<RunQuestion>(run);
