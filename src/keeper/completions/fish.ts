import type { OptionWords, Place } from './command-tree.ts';

/** Anything unknown is completed as a file name. */
export function fishCompletions(places: readonly Place[]): string {
  const paths = places.map(({ words }) => quoted(words)).slice(1);
  return `# rbee completions for fish: rbee completions fish > ~/.config/fish/completions/rbee.fish
function __rbee_at
    set -l at rbee
    for word in (commandline -opc)[2..-1]
        if contains -- "$at $word" ${paths.join(' ')}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
${places.flatMap(placeLines).join('\n')}
`;
}

function placeLines({ words, commands, options, choices }: Place): string[] {
  const here = `complete -c rbee -n ${quoted(`__rbee_at ${quoted(words)}`)}`;
  // No file names where a command or a known value must follow.
  const alone = commands.length > 0 || choices.length > 0 ? ' -f' : '';
  return [
    ...commands.map(({ name, summary }) => `${here}${alone} -a ${quoted(name)} -d ${quoted(summary)}`),
    ...choices.map((choice) => `${here}${alone} -a ${quoted(choice)}`),
    ...options.map((option) => `${here} ${optionFlags(option)} -d ${quoted(option.description)}`),
  ];
}

function optionFlags({ flags, choices, takesValue }: OptionWords): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  if (choices.length > 0) return `${names} -x -a ${quoted(choices.join(' '))}`;
  return takesValue ? `${names} -r` : names;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
