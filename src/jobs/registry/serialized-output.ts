/** The output of a handler that has serialized it itself, in pieces: too large to be serialized at once beside other jobs. */
export class SerializedOutput {
  readonly json: string;

  private constructor(json: string) {
    this.json = json;
  }

  /** @param json of an `Output` */
  static of<Output>(json: string): Output {
    return new SerializedOutput(json) as Output;
  }
}
