import { apiUrls, type Connection } from '../connect/connection.ts';
import { askConnection } from '../connect/ask-connection.ts';
import { programs } from '../connect/programs.ts';
import { queenAddress, type QueenAddress } from '../queen/queen-address.ts';
import { reachForReading } from '../queen/reach-for-reading.ts';
import type { Session } from '../session.ts';
import { noteOf, programsText, settingsText } from '../show/connect.ts';

/** @param name of a program; undefined for the list of them, which needs no queen */
export async function connect(session: Session, name: string | undefined, options: { model?: string }): Promise<number> {
  const queenUrl = urlOf(queenAddress());
  const program = name === undefined ? undefined : programs[name];
  if (program === undefined) {
    await session.view.result(forScripts(queenUrl), (look) => programsText(queenUrl, look));
    return 0;
  }
  const queen = await reachForReading(session);
  const connection: Connection = {
    queenUrl,
    ...(await askConnection(queen, { name: options.model, signal: session.interrupt.signal })),
  };
  const { model, keyVariable, contextTokens } = connection;
  const settings = {
    program: name,
    api: program.api,
    base_url: apiUrls[program.api](queenUrl),
    key_variable: keyVariable ?? null,
    model,
    context: contextTokens,
    settings: program.parts(connection),
    notes: noteOf(program, connection),
  };
  await session.view.result(settings, () => settingsText(program, connection));
  return 0;
}

function forScripts(queenUrl: string): object {
  const base_urls = Object.fromEntries(Object.entries(apiUrls).map(([api, url]) => [api.toLowerCase(), url(queenUrl)]));
  return { programs: Object.entries(programs).map(([program, { title, api }]) => ({ program, title, api })), base_urls };
}

function urlOf({ host, port }: QueenAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
