export * from './defaults.ts';
export * from './entities.ts';
export * from './explanation.ts';
export * from './fleet-lines.ts';
export * from './error-codes.ts';
export { errorScopes, type ErrorScope } from './error-scopes.ts';
export { deferred, type Deferred } from './deferred.ts';
export * from './errors.ts';
export { LOCALHOST } from './fields.ts';
export * from './events.ts';
export { issueWords } from './issue-words.ts';
export { jsonObject } from './json-object.ts';
export * from './killed-worker.ts';
export * from './needs-no-disk.ts';
export { formatBytes } from './format-bytes.ts';
export * from './memory-need.ts';
export { meantUrl } from './model-address.ts';
export {
  hubIn,
  hubText,
  HUB_HOSTS,
  isHubRepo,
  isSafeHubPath,
  meantHubModel,
  neitherNameNorPath,
  parseModelReference,
  type HubReference,
} from './model-reference.ts';
export * from './operations/index.ts';
export { parseJson } from './parse-json.ts';
export { printable, WholeCharacters } from './printable.ts';
export { promptTooLong, tokensOfTooLong } from './prompt-too-long.ts';
export * from './run.ts';
export { FILE_WORDS, isDiskFullError, NETWORK_WORDS } from './system-words.ts';
export { hiveAndSshFlags, sshFlags, sshLogin, sshName } from './ssh-words.ts';
export * from './worker-flags.ts';
