import type { Actor, Handlers, JobContext, JobEvent } from '../contract/index.ts';
import { inJob, type Voice } from './voice.ts';

type UntypedHandler = HandlerOf<unknown>;
type HandlerOf<Input> = (input: Input, context: JobContext) => AsyncGenerator<JobEvent, unknown, void>;

/** Lets every handler run in the name of its job, so that whatever it calls may narrate without being told for whom. */
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

/** Knows the run and not its input: a request of megabytes that waits is held by nobody who does not need it. */
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
