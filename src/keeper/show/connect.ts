import { apiUrls, shellWord, type Connection } from '../connect/connection.ts';
import { programs, type Program } from '../connect/programs.ts';
import type { Look } from './look.ts';
import { list, table } from './table.ts';

/** Below this, an agent has no room for its own instructions, its tools and a task. */
const AGENT_CONTEXT_TOKENS = 65_536;

/** The settings of a program, to copy: what is not to be copied is a comment. */
export function settingsText(program: Program, connection: Connection): string {
  const parts = program.parts(connection).map(({ place, text }) => `# ${place}:\n${text}`);
  const then = program.then === undefined ? [] : [`# Then: ${program.then(connection)}`];
  return [...parts, ...then, ...noteOf(program, connection).map((note) => `# Note: ${note}`)].join('\n\n');
}

/** What keeps the program from working well with this model. */
export function noteOf({ title, isAgent }: Program, { model, contextTokens, trainedTokens }: Connection): string[] {
  if (isAgent === undefined || contextTokens >= AGENT_CONTEXT_TOKENS) return [];
  const has = `${title} sends long prompts, and '${model}' has a context of ${contextTokens} tokens`;
  const possible = Math.min(trainedTokens, AGENT_CONTEXT_TOKENS);
  const spawn = `rbee worker spawn --model ${shellWord(model)} --context ${possible}`;
  const more = possible > contextTokens ? [`${has}. Start a worker with more, then print these settings again: ${spawn}`] : [];
  const choose = `Choose a model with ${AGENT_CONTEXT_TOKENS} or more: --model <name>`;
  if (trainedTokens >= AGENT_CONTEXT_TOKENS) return more;
  return more.length > 0
    ? [...more, `'${model}' cannot have more than ${trainedTokens} tokens. ${choose}`]
    : [`${has}, and cannot have more. ${choose}`];
}

/** The programs, and what any other program needs. */
export function programsText(queenUrl: string, look: Look): string {
  const rows = Object.entries(programs);
  const known = table(
    rows,
    [
      { title: 'PROGRAM', cell: ([, { title }]) => title },
      { title: 'API', cell: ([, { api }]) => api },
      { title: 'SETTINGS', cell: ([name]) => `rbee connect ${name}` },
    ],
    look,
  );
  const urls = Object.entries(apiUrls).map(([api, url]) => [api, url(queenUrl)] as const);
  return `${known}\n\nBase URLs for any other program:\n${list(urls, look)}`;
}
