import { JobError, type InputOf, type JobContext } from '../../contract/index.ts';
import { prefixesOf, type ReservationInput } from '../placement/index.ts';

/** What is kept in memory of a request while it waits: enough to place it. */
export interface Outline extends Omit<ReservationInput, 'prompt' | 'messages'> {
  /** Whether another worker may continue its answer. An answer with a schema cannot be continued: its grammar starts at the beginning. */
  mayContinue: boolean;
}

/**
 * A request, which may have megabytes, until it is answered. While it waits it is on disk and only its outline is in memory; it is read
 * again when it is sent to a hive.
 */
export class HeldRequest {
  outline: Outline;
  readonly #context: JobContext;
  #input: InputOf<'infer'> | undefined;

  /** @param input undefined for a request that was on disk when the queen started */
  constructor(outline: Outline, context: JobContext, input?: InputOf<'infer'>) {
    this.outline = outline;
    this.#context = context;
    this.#input = input;
  }

  static of(input: InputOf<'infer'>, context: JobContext): HeldRequest {
    const { model, hive_id, worker_id, device, context: tokens, slots, continue_elsewhere, json_schema } = input;
    const mayContinue = continue_elsewhere && json_schema === undefined;
    const place = { model, hive_id, worker_id, device, context: tokens, slots };
    return new HeldRequest({ ...place, prefixes: prefixesOf(input), mayContinue }, context, input);
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
  get input(): InputOf<'infer'> {
    this.#input ??= this.#context.keptRequest() as InputOf<'infer'> | undefined;
    if (this.#input === undefined)
      throw new JobError('interrupted', 'The waiting request is no longer on the disk of the queen. Send it again');
    return this.#input;
  }
}
