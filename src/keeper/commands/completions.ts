import type { Command } from 'commander';
import { bashCompletions } from '../completions/bash.ts';
import { placesOf } from '../completions/command-tree.ts';
import { fishCompletions } from '../completions/fish.ts';
import { zshCompletions } from '../completions/zsh.ts';
import type { Session } from '../session.ts';

const writers = { bash: bashCompletions, zsh: zshCompletions, fish: fishCompletions };

export async function completions({ view }: Session, program: Command, shell: string): Promise<number> {
  const write = writers[shell as keyof typeof writers];
  const script = write(placesOf(program));
  await view.result({ shell, script }, () => script.trimEnd());
  return 0;
}
