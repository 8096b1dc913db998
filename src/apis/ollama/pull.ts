import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { JobError, parseModelReference, type Progress } from '../../contract/index.ts';
import {
  meantModel,
  parseBody,
  type AnswerEvent,
  type FleetModels,
  type RunRequest,
  type StreamedAnswer,
} from '../common/index.ts';
import { modelOf } from './answer-input.ts';
import { line, NDJSON } from './answer-stream.ts';
import { pullBody } from './body.ts';
import { ollamaErrorBody } from './errors.ts';

const MANIFEST = line({ status: 'pulling manifest' });
const SUCCESS = { status: 'success' };
const VERIFYING = { status: 'verifying sha256 digest' };
const WHAT_WORKS =
  "Names of Ollama's library are not known here, and paths are not downloaded: pull org/repo:QUANT of the Hugging Face Hub, or the URL of a .gguf file";

/** POST /api/pull: a model that is there already, one of the Hub, or the URL of one. Never a path, also not from this machine. */
export function pull(models: FleetModels) {
  return (request: FastifyRequest, run: RunRequest): object | Promise<object | undefined> => {
    const body = parseBody(pullBody, request.body);
    const named = modelOf(body);
    const { kind } = parseModelReference(named);
    const model = kind === 'path' ? meantModel(named, models, request) : models.resolve(named);
    if (models.list().some((each) => each.model.model === model)) return SUCCESS;
    if (kind === 'path' || kind === 'name')
      throw new JobError('model_not_found', `No hive has a model '${named.slice(0, 200)}'. ${WHAT_WORKS}`);
    const answer = body.stream === false ? () => SUCCESS : new PullStream(named);
    return run({ operation: 'model_download', inputs: [{ model: named }], answer });
  };
}

/** The progress of a download, as Ollama tells that of its layers: here there is one. */
export class PullStream implements StreamedAnswer<'model_download'> {
  readonly contentType = NDJSON;
  /** Clients keep a bar for each digest and show a part of it: there is one also where that of the file is not known. */
  readonly #digestOfName: string;
  #hasBytes = false;
  #last = MANIFEST;

  constructor(named: string) {
    this.#digestOfName = createHash('sha256').update(named).digest('hex');
  }

  /** Of the events before the answer begins, the latest is sent. */
  begin(): string {
    return this.#last === MANIFEST ? MANIFEST : MANIFEST + this.#last;
  }

  event(event: AnswerEvent<'model_download'>): string {
    if (event.kind === 'result') return `${this.#hasBytes ? line(VERIFYING) : ''}${line(SUCCESS)}`;
    if (event.kind !== 'progress' || event.data.unit !== 'bytes') return '';
    this.#hasBytes = true;
    this.#last = line(event.data.action === 'verify' ? VERIFYING : pulling(event.data, this.#digestOfName));
    return this.#last;
  }

  keepAlive(): string {
    return this.#last;
  }

  fail(error: JobError): string {
    return line(ollamaErrorBody(error));
  }
}

function pulling({ done, total, sha256 }: Progress, digestOfName: string): object {
  const digest = sha256 ?? digestOfName;
  const size = total === null ? {} : { total };
  return { status: `pulling ${digest.slice(0, 12)}`, digest: `sha256:${digest}`, ...size, completed: done };
}
