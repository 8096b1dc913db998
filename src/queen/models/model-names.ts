import * as z from 'zod';
import { JobError, meantHubModel } from '../../contract/index.ts';
import type { Catalog, Collection } from '../../jobs/index.ts';

const alias = z.object({ alias: z.string(), model: z.string() });
type Alias = z.output<typeof alias>;

const ALIASES_LIMIT = 1_000;
const LATEST = ':latest';

/** The names by which requests name models: those of the models, and their aliases. */
export class ModelNames {
  readonly #aliases: Collection<Alias>;
  /** The same, in memory: every request looks here. */
  readonly #models: Map<string, string>;
  readonly #isModel: (name: string) => boolean;
  readonly #names: () => string[];

  /** @param models whether a hive has a model of this name, and all names */
  constructor(catalog: Catalog, { has, names }: { has: (name: string) => boolean; names: () => string[] }) {
    this.#aliases = catalog.collection<Alias>('model_aliases', [], (value) => alias.safeParse(value).data);
    this.#isModel = has;
    this.#names = names;
    this.#models = new Map(this.#aliases.find().map((each) => [each.alias, each.model]));
  }

  list(): Alias[] {
    return [...this.#models].map(([alias, model]) => ({ alias, model }));
  }

  /** @throws JobError model_exists, invalid_input */
  add(alias: string, model: string): void {
    const target = this.resolve(model);
    if (this.#isModel(alias))
      throw new JobError('model_exists', `'${alias}' is the name of a model, and cannot be another name`, { hint: '' });
    if (target === alias) throw new JobError('invalid_input', `'${alias}' cannot be an alias of itself`);
    if (!this.#models.has(alias) && this.#models.size >= ALIASES_LIMIT)
      throw new JobError('invalid_input', `There are ${ALIASES_LIMIT} aliases already; remove one: rbee model unalias <alias>`);
    this.#aliases.put(alias, { alias, model: target });
    this.#models.set(alias, target);
  }

  /** @throws JobError model_not_found */
  remove(alias: string): void {
    if (!this.#models.delete(alias))
      throw new JobError('model_not_found', `'${alias}' is not an alias. List them: rbee model alias`);
    this.#aliases.delete(alias);
  }

  isAlias(name: string): boolean {
    return this.#models.has(name);
  }

  /**
   * The model that a name means: a model of that name comes before an alias. `x:latest` is `x` where there is no `x:latest`, and
   * `org/repo` the one model that is here of that repository of the Hub.
   */
  resolve(name: string): string {
    if (this.#isModel(name)) return name;
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    if (name.endsWith(LATEST)) return this.resolve(name.slice(0, -LATEST.length));
    return (name.includes('/') ? meantHubModel(name, this.#names()) : undefined) ?? name;
  }
}
