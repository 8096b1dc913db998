import { answerQuestions } from '../child.ts';

/** What any Node process takes. */
answerQuestions(() => undefined);
