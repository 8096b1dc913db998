import { JobError, type InputOf, type JobContext } from '../../contract/index.ts';
import { prefixesOf, type ReservationInput } from '../placement/index.ts';

/** What there is to know of a request while it waits: enough to give it a place. */
export interface Outline extends Omit<ReservationInput, 'prompt' | 'messages'> {
  /** Whether another worker may go on with its answer. An answer of a schema cannot be continued: its grammar begins at the beginning. */
  mayContinue: boolean;
}

/**
 * A request that may have megabytes, for as long as it has no answer. While it waits it is on disk, and only its outline is in memory;
 * it is read when it is sent to a hive.
 */
export class HeldRequest {
  outline: Outline;
  readonly #context: JobContext;
  #input: InputOf<'infer'> | undefined;

  /** @param input left out for one that a former process had parked */
  constructor(outline: Outline, context: JobContext, input?: InputOf<'infer'>) {
    this.outline = outline;
    this.#context = context;
    this.#input = input;
  }

  static of(input: InputOf<'infer'>, context: JobContext): HeldRequest {
    const { model, hive_id, worker_id, device, continue_elsewhere, json_schema } = input;
    const mayContinue = continue_elsewhere && json_schema === undefined;
    return new HeldRequest({ model, hive_id, worker_id, device, prefixes: prefixesOf(input), mayContinue }, context, input);
  }

  /** To be called whenever it begins to wait for a place. */
  park(): void {
    if (this.keepOnDisk()) this.#input = undefined;
  }

  /** The same for one that is on its way to a hive: it is held until the hive has it, and longer, because the hive may be lost then. */
  keepOnDisk(): boolean {
    return this.#input !== undefined && this.#context.keepUntilForwarded(this.#input, this.outline);
  }

  /** Whether it was parked, and is not there any more: nobody can send it anywhere. */
  get isGone(): boolean {
    return this.#input === undefined && this.#context.keptRequest() === undefined;
  }

  /** @throws JobError interrupted, where what was parked is not there */
  get input(): InputOf<'infer'> {
    this.#input ??= this.#context.keptRequest() as InputOf<'infer'> | undefined;
    if (this.#input === undefined)
      throw new JobError('interrupted', 'The request that waited is not on the disk of the queen any more');
    return this.#input;
  }
}
