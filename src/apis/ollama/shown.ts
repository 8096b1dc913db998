import type { ModelHeader } from '../../contract/index.ts';
import { capabilitiesOf, type FleetModel } from '../common/index.ts';
import { detailsOf } from './models.ts';

const TEMPLATE = 'tokenizer.chat_template';
/** Clients look for this word in a template, to learn whether the model fills in the middle. */
const FILLS_IN = '{# .Suffix #}';
const NAME_WIDTH = 30;

/** The answer of /api/show. The context is that of the workers that have the model loaded, where there are any. */
export function shown({ model, workers }: FleetModel, header: ModelHeader): object {
  const { [TEMPLATE]: template, ...fields } = header;
  const details = detailsOf(model);
  const capabilities = capabilitiesOf(model);
  const parameters = Object.entries(model.details?.sampling ?? {}).map(([name, value]) => [name, String(value)] as const);
  const context = Math.max(0, ...workers.map((worker) => worker.context ?? 0));
  return {
    license: licenseOf(header),
    modelfile: [`FROM ${model.model}`, ...parameters.map(([name, value]) => `PARAMETER ${name} ${value}`), ''].join('\n'),
    parameters: parameters.map(([name, value]) => `${name.padEnd(NAME_WIDTH)} ${value}`).join('\n'),
    template: textOf(template) + (capabilities.includes('insert') ? FILLS_IN : ''),
    details,
    model_info: {
      ...fields,
      ...(model.details?.parameters !== undefined && { 'general.parameter_count': model.details.parameters }),
      ...(context > 0 && { [`${details.family}.context_length`]: context }),
    },
    capabilities,
    modified_at: model.created_at,
  };
}

/** Its text, or its name and where it can be read. */
function licenseOf(header: ModelHeader): string {
  return ['general.license', 'general.license.name', 'general.license.link']
    .map((field) => textOf(header[field]))
    .filter((part) => part !== '')
    .join('\n');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
