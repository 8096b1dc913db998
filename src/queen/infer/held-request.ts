import { JobError, type InputOf, type JobContext, type WorkerOperation } from '../../contract/index.ts';
import { prefixesOf, type ReservationInput } from '../placement/index.ts';

/** What is kept in memory of a request while it waits: enough to place it. */
export interface Outline extends Omit<ReservationInput, 'prompt' | 'messages'> {
  /** Whether another worker may continue its answer. */
  mayContinue: boolean;
}

type Input = InputOf<WorkerOperation>;

/** Whether the answer has a grammar, which starts at the beginning, is the rest of a raw prompt, or has the probabilities of all its tokens. */
function isShaped({ json, json_schema, tools, raw, prompt_tokens, logprobs }: InputOf<'infer'>): boolean {
  const isRaw = raw === true || prompt_tokens !== undefined;
  return json === true || json_schema !== undefined || tools !== undefined || isRaw || logprobs === true;
}

/**
 * A request, which may have megabytes, until it is answered. While it waits it is on disk and only its outline is in memory; it is read
 * again when it is sent to a hive.
 */
export class HeldRequest {
  readonly operation: WorkerOperation;
  outline: Outline;
  readonly #context: JobContext;
  #input: Input | undefined;

  /** @param input undefined for a request that was on disk when the queen started */
  constructor(operation: WorkerOperation, outline: Outline, { context, input }: { context: JobContext; input?: Input }) {
    this.operation = operation;
    this.outline = outline;
    this.#context = context;
    this.#input = input;
  }

  static of(operation: WorkerOperation, input: Input, context: JobContext): HeldRequest {
    const { model, hive_id, worker_id, device, context: tokens } = input;
    const isAnswer = 'continue_elsewhere' in input;
    const mayContinue = isAnswer && input.continue_elsewhere && !isShaped(input);
    const slots = isAnswer ? input.slots : undefined;
    // Only an answer finds the beginning of its prompt in the cache of a worker.
    const prefixes = isAnswer ? prefixesOf(input) : [];
    const place = { model, hive_id, worker_id, device, context: tokens, slots };
    return new HeldRequest(operation, { ...place, prefixes, mayContinue }, { context, input });
  }

  /** To be called whenever the request starts to wait: moves it from memory to disk. */
  park(): void {
    if (this.keepOnDisk()) this.#input = undefined;
  }

  /** For a request on its way to a hive: on disk too, and in memory until it is answered, in case the hive fails. */
  keepOnDisk(): boolean {
    return this.#input !== undefined && this.#context.keepUntilForwarded(this.#input, this.outline);
  }

  /** Keeps it through a step that deletes it from the disk: forwarding another job first, which does not carry it. */
  keepThrough(step: () => void): void {
    this.#input = this.input;
    step();
    this.park();
  }

  /** Whether it was on disk and has been deleted there, so that it cannot be sent again. */
  get isGone(): boolean {
    return this.#input === undefined && this.#context.keptRequest() === undefined;
  }

  /** @throws JobError interrupted when it is no longer on disk */
  get input(): Input {
    this.#input ??= this.#context.keptRequest() as Input | undefined;
    if (this.#input === undefined)
      throw new JobError('interrupted', 'The waiting request is no longer on the disk of the queen. Send it again');
    return this.#input;
  }
}
