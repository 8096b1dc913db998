import type { Handlers, Run } from '../../contract/index.ts';
import type { ModelNames } from './model-names.ts';

export function aliasHandlers(names: ModelNames) {
  const model_alias: Run<'model_alias'> = async function* ({ alias, model }) {
    if (alias !== undefined && model !== undefined) names.add(alias, model);
    return { aliases: names.list() };
  };

  const model_unalias: Run<'model_unalias'> = async function* ({ alias }) {
    names.remove(alias);
    return { aliases: names.list() };
  };

  return { model_alias, model_unalias } satisfies Handlers;
}
