/** Where the messages of a conversation come from. */
export interface ChatInput extends Disposable {
  /** Whether a person types: mistakes then end nothing. */
  readonly isTerminal: boolean;
  /** The next message or command; undefined at the end. */
  next(): Promise<string | undefined>;
  /** Called for Ctrl-C while `work` runs, in which nothing of the input is shown. */
  during<T>(work: () => Promise<T>, onInterrupt: () => void): Promise<T>;
}
