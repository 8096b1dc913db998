import { Command } from 'commander';
import type * as z from 'zod';
import type { OperationSpec } from '../../contract/index.ts';
import { wordsOf } from './command-words.ts';
import { fieldOf } from './field.ts';
import { describeField, optionOf } from './option.ts';

/** The command of an operation: its help, options and plain argument, all from the contract. It has no action yet. */
export function operationCommand(operation: string, spec: OperationSpec): Command {
  const command = new Command(wordsOf(operation).at(-1)).summary(spec.summary).description(`${spec.summary}.`);
  const positional = [spec.subject, spec.object];
  for (const [name, schema] of Object.entries<z.core.$ZodType>(spec.input.shape)) {
    const field = fieldOf(schema);
    if (positional.includes(name)) {
      const argument = argumentName(name);
      // Not required by the parser, since the option may replace it; the contract's own check follows.
      const repeated = spec.subjectIsText === true && name === spec.subject ? '...' : '';
      command.argument(`[${argument}${repeated}]`, describeField({ ...field, isRequired: false })).usage(usageOf(spec));
    }
    // Hidden: otherwise help would show the field twice.
    command.addOption(optionOf(name, field).hideHelp(positional.includes(name)));
  }
  return command.addHelpText('after', examplesText(spec.examples));
}

/** '<alias> [model] [options]' */
function usageOf({ subject, subjectIsText, object, input: { shape } }: OperationSpec): string {
  const words = [subject, object].flatMap((name) => {
    if (name === undefined) return [];
    const argument = `${argumentName(name)}${subjectIsText === true && name === subject ? '...' : ''}`;
    return fieldOf(shape[name] as z.core.$ZodType).isRequired ? `<${argument}>` : `[${argument}]`;
  });
  return [...words, '[options]'].join(' ');
}

/** 'worker_id' → 'worker'. */
export function argumentName(field: string): string {
  return field.replace(/_id$/, '').replaceAll('_', '-');
}

export function examplesText(examples: readonly string[]): string {
  return `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${examples.map((example) => `  ${example}`).join('\n')}`;
}
