import type { Actor, Handlers, JobContext, JobEvent } from '../contract/index.ts';
import { inJob, type Voice } from './voice.ts';

type UntypedHandler = HandlerOf<unknown>;
type HandlerOf<Input> = (input: Input, context: JobContext) => AsyncGenerator<JobEvent, unknown, void>;

/** Runs every handler in its job, so that any code that it calls may narrate into that job. */
export function speaking(actor: Actor, handlers: Handlers): Handlers {
  const entries = Object.entries(handlers).map(([name, handler]) => [name, spoken(actor, handler as UntypedHandler)]);
  return Object.fromEntries(entries) as Handlers;
}

/** The same for one handler. */
export function spoken<Input>(actor: Actor, handler: HandlerOf<Input>): HandlerOf<Input> {
  return (input, context) => {
    const { jobId, correlationId } = context;
    const voice: Voice = { actor, jobId, correlationId, emit: (event) => context.emit(event) };
    return inVoice(
      voice,
      inJob(voice, () => handler(input, context)),
    );
  };
}

/** Knows the run and not its input: a waiting request of megabytes must not be kept in memory by this. */
async function* inVoice(voice: Voice, run: AsyncGenerator<JobEvent, unknown, void>): AsyncGenerator<JobEvent, unknown, void> {
  try {
    for (;;) {
      const step = await inJob(voice, () => run.next());
      if (step.done) return step.value;
      yield step.value;
    }
  } finally {
    await inJob(voice, () => run.return(undefined));
  }
}
