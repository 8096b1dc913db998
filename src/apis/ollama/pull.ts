import type { FastifyRequest } from 'fastify';
import { JobError, type Progress } from '../../contract/index.ts';
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

const SUCCESS = { status: 'success' };

/** POST /api/pull: a model that is there already, or the URL of one. Names of a registry are not known here. */
export function pull(models: FleetModels) {
  return (request: FastifyRequest, run: RunRequest): object | Promise<object | undefined> => {
    const body = parseBody(pullBody, request.body);
    const named = modelOf(body);
    const model = meantModel(named, models, request);
    if (models.list().some((each) => each.model.model === model)) return SUCCESS;
    if (!/^https?:\/\//i.test(named)) {
      throw new JobError('model_not_found', `No hive has a model '${named.slice(0, 200)}'; pull the URL of a .gguf file`);
    }
    const answer = body.stream === false ? () => SUCCESS : new PullStream();
    return run({ operation: 'model_download', inputs: [{ model: named }], answer });
  };
}

/** The progress of a download, as Ollama tells that of its layers: here there is one. */
export class PullStream implements StreamedAnswer<'model_download'> {
  readonly contentType = NDJSON;
  #last = line({ status: 'pulling manifest' });

  begin(): string {
    return this.#last;
  }

  event(event: AnswerEvent<'model_download'>): string {
    if (event.kind === 'result') return line(SUCCESS);
    if (event.kind !== 'progress' || event.data.unit !== 'bytes') return '';
    this.#last = line(pulling(event.data));
    return this.#last;
  }

  keepAlive(): string {
    return this.#last;
  }

  fail(error: JobError): string {
    return line(ollamaErrorBody(error));
  }
}

function pulling({ done, total }: Progress): object {
  return { status: 'pulling model', digest: 'model', ...(total === null ? {} : { total }), completed: done };
}
