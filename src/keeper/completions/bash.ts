import type { Place } from './command-tree.ts';

/** For bash 3.2 and newer. Anything unknown is completed as a file name. */
export function bashCompletions(places: readonly Place[]): string {
  const paths = places.map(({ words }) => `"${words}"`).slice(1);
  const values = places.flatMap(({ words, options }) =>
    options.flatMap(({ flags, choices, takesValue }) =>
      takesValue ? [`    ${flags.map((flag) => `"${words} ${flag}"`).join(' | ')}) known="${choices.join(' ')}" ;;`] : [],
    ),
  );
  const words = places.map((place) => `    "${place.words}") known="${wordsAt(place).join(' ')}" ;;`);
  return `# rbee completions for bash: source <(rbee completions bash)
_rbee() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" at="rbee" known="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${paths.join(' | ')}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at" in
${words.join('\n')}
  esac
  case "$at $prev" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$known" -- "$cur"))
}
complete -o default -F _rbee rbee
`;
}

function wordsAt({ commands, options, choices }: Place): string[] {
  return [...commands.map(({ name }) => name), ...choices, ...options.flatMap(({ flags }) => flags)];
}
