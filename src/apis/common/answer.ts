import assert from 'node:assert/strict';
import type { JobError, JobEvent, InputOf, OperationName, OutputOf } from '../../contract/index.ts';

/** An event as a translator gets it. Failures do not come as events. */
export type AnswerEvent<Name extends OperationName> = JobEvent | { kind: 'result'; data: OutputOf<Name> };

/** A streamed answer: the events of its jobs as an API's text. One object translates one request, and is called in the order of the events. */
export interface StreamedAnswer<Name extends OperationName> {
  contentType: string;
  /** The first text, sent with the headers. */
  begin?(): string;
  /** @param choice which of the request's jobs: 0, 1, 2 … in the order of its inputs */
  event(event: AnswerEvent<Name>, choice: number): string;
  /** The same for a token that is a text and nothing else. @param text as a JSON string, which can be passed on as it is */
  token?(text: string, choice: number): string;
  /** Sent when nothing else was for KEEP_ALIVE_MS. @param waitsFor the step that the job is at, on one line */
  keepAlive(waitsFor: string): string;
  /** The last text, after the results of all jobs. */
  end?(): string;
  /** The last text instead, when a job has failed. */
  fail(error: JobError): string;
}

/** An answer in one piece: the body, from the outputs of its jobs. */
export type WholeAnswer<Name extends OperationName> = (outputs: OutputOf<Name>[]) => object;

/** The answer to a request that is one job. */
export function answerOfOne<Name extends OperationName>(shape: (output: OutputOf<Name>) => object): WholeAnswer<Name> {
  return ([output]) => {
    assert(output !== undefined, 'the request is one job');
    return shape(output);
  };
}

/** A request of an API, as it is to run: one job for each input. */
export interface ApiRequest<Name extends OperationName> {
  operation: Name;
  /** As a client may write them: they are checked against the operation. */
  inputs: InputFields<Name>[];
  answer: StreamedAnswer<Name> | WholeAnswer<Name>;
  /** What the client calls the fields that the operation calls otherwise. Its errors name them so. */
  names?: FieldNames;
}

/** By the first name of a field in the operation. */
export type FieldNames = Readonly<Record<string, string>>;

/** Fields that have a default may be left out, and a field may be undefined. */
export type InputFields<Name extends OperationName> = { [Key in keyof InputOf<Name>]?: InputOf<Name>[Key] | undefined };
