import { JobError } from '../../../contract/index.ts';
import { Interruption } from '../source.ts';
import { headerOf, type Response } from '../web/web-client.ts';
import type { HubToken } from './endpoint.ts';

export interface Asked {
  endpoint: URL;
  repo: string;
  /** What was requested of the repository. */
  revision?: string | undefined;
  file?: string | undefined;
  token: HubToken | undefined;
}

/** Why the Hub refuses, by its error codes: its statuses alone mean several things each. */
export function refusalOf(response: Response, asked: Asked): JobError {
  const { statusCode: status } = response;
  const says = headerOf(response, 'x-error-message')?.slice(0, 300) ?? '';
  const { endpoint, repo, token } = asked;
  switch (headerOf(response, 'x-error-code')) {
    case 'GatedRepo':
      return gated(asked);
    case 'RepoNotFound':
      return noRepo(asked);
    case 'RevisionNotFound':
      return notFound(`${repo} has no branch, tag or commit '${asked.revision ?? ''}'`);
    case 'EntryNotFound':
      return notFound(`${repo} has no file '${asked.file ?? ''}'`);
    default:
  }
  if (/disabled/i.test(says)) return notFound(`${repo} was taken down: ${says}`);
  if (status === 401 && token !== undefined) return badToken(token, endpoint);
  if ([401, 403, 404].includes(status)) return noRepo(asked);
  const sentence = `${endpoint.host} answered HTTP ${status} for ${repo}${says === '' ? '' : ` (${says})`}`;
  if (status === 429) return new Interruption(sentence, { code: 'hub_limited' });
  return status >= 500 || status === 408 ? new Interruption(sentence) : new JobError('download_failed', sentence);
}

/** Whether it is the token that is refused, so that the same request may succeed without one. */
export function isTokenRefused(response: Response): boolean {
  const code = headerOf(response, 'x-error-code');
  return response.statusCode === 401 && code !== 'GatedRepo' && code !== 'RepoNotFound';
}

export function badToken(token: HubToken, endpoint: URL): JobError {
  return new JobError('hub_unauthorized', `${endpoint.host} does not accept the token from ${token.from}`);
}

/** A typing mistake and a private repository look the same from outside. */
function noRepo({ repo, endpoint, token }: Asked): JobError {
  const why = token === undefined ? 'the hive has no token, HF_TOKEN is not set' : `the token from ${token.from} may not see it`;
  return notFound(`There is no ${repo} on ${endpoint.host}, or it is private (${why})`);
}

function gated({ repo, endpoint, token }: Asked): JobError {
  const page = `${endpoint.href.replace(/\/+$/, '')}/${repo}`;
  const next =
    token === undefined
      ? `ask for access at ${page}, then set HF_TOKEN for the hive`
      : `the token from ${token.from} has no access yet; ask for it at ${page}`;
  return new JobError('model_gated', `${repo} is gated: ${next}`);
}

function notFound(sentence: string): JobError {
  return new JobError('model_not_found', sentence);
}
