import type { OptionWords, Place } from './command-tree.ts';

/** Works as a file _rbee in fpath, and sourced. Anything unknown is completed as a file name. */
export function zshCompletions(places: readonly Place[]): string {
  const paths = places.map(({ words }) => quoted(words)).slice(1);
  return `#compdef rbee
# rbee completions for zsh: rbee completions zsh > "\${fpath[1]}/_rbee"
_rbee() {
  local at="rbee" i
  local -a commands options values
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      ${paths.join('|')}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${places.flatMap(valueCases).join('\n')}
  esac
  case "$at" in
${places.map(placeCase).join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe -o 'option' options
  elif (( \${#commands} )); then
    _describe 'command' commands
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _rbee ]]; then
  _rbee "$@"
else
  compdef _rbee rbee
fi
`;
}

function valueCases({ words, options }: Place): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ flags, choices }) => {
      const pattern = flags.map((flag) => quoted(`${words} ${flag}`)).join('|');
      const complete = choices.length === 0 ? '_files' : `values=(${choices.map(quoted).join(' ')}); _describe 'value' values`;
      return `    ${pattern}) ${complete}; return ;;`;
    });
}

function placeCase({ words, commands, options, choices }: Place): string {
  const known = [...commands.map(({ name, summary }) => described(name, summary)), ...choices.map(quoted)];
  return `    ${quoted(words)})
      commands=(${known.join(' ')})
      options=(${options.flatMap(optionWords).join(' ')})
      ;;`;
}

function optionWords({ flags, description }: OptionWords): string[] {
  return flags.map((flag) => described(flag, description));
}

/** 'name:description'; a colon in the name is escaped. */
function described(name: string, description: string): string {
  return quoted(`${name.replaceAll(':', '\\:')}:${description}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
