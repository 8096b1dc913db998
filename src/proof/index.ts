export { answerChallenge, isChallenge, isProven } from './answer.ts';
export { PROOF_HEADER } from './wire.ts';
export { authorize } from './authorize.ts';
export { makeHomeSecret } from './home-secret.ts';
export { UnprovenError, type Trust } from './trust.ts';
