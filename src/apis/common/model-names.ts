import type { FastifyRequest } from 'fastify';
import { JobError, type Model, type ModelHeader, type Worker } from '../../contract/index.ts';

/** The models of the fleet, as its hives report them. */
export interface FleetModels {
  /** Each name once, also the aliases, with the workers that have it loaded. */
  list(): FleetModel[];
  /** The model that a name means: an alias is its model, and `x:latest` is `x` where no model is called `x:latest`. */
  resolve(name: string): string;
  /**
   * All fields of the header of its file, from a hive that has it; the arrays of its tokenizer too where `whole` is set.
   * @throws JobError why no hive answers
   */
  header(model: FleetModel, whole: boolean): Promise<ModelHeader>;
}

export interface FleetModel {
  model: Model;
  workers: Worker[];
  /** The hives that have it on disk. */
  hiveIds: string[];
  /** Set where its name is an alias. */
  alias?: string;
}

/**
 * The name by which the fleet knows the model of a request.
 * @throws JobError model_not_found for the path of a file from another machine
 */
export function meantModel(name: string, models: FleetModels, { ip }: Pick<FastifyRequest, 'ip'>): string {
  if (isPath(name) && !isLoopback(ip)) {
    throw new JobError(
      'model_not_found',
      `'${name.slice(0, 200)}' is the path of a file, which only programs on this machine may name`,
    );
  }
  return models.resolve(name);
}

function isPath(name: string): boolean {
  return name.startsWith('/') || name.startsWith('~') || name.startsWith('.') || (name.includes('/') && name.endsWith('.gguf'));
}

function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(?:::ffff:)?127\./.test(ip);
}

/** What a model can do, as its file says. A file that could not be read fails when it is loaded; most write text. */
export function capabilitiesOf({ details }: Model): string[] {
  return details?.capabilities ?? ['completion'];
}
