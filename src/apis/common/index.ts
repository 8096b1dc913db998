export type { AnswerEvent, ApiRequest, InputFields, StreamedAnswer, WholeAnswer } from './answer.ts';
export { serveAnswersAt, serveAt, serveJobsAt, type RunRequest, type Translate } from './api-routes.ts';
export { errorAnswers, sentenceOf, type ErrorShape } from './error-answer.ts';
export { kindOf, type ErrorKind } from './error-kinds.ts';
export { parseBody } from './parse-body.ts';
export { idsOf, newId } from './request-ids.ts';
export { paramOf, RequestError } from './request-error.ts';
export { capabilitiesOf, meantModel, type FleetModel, type FleetModels } from './model-names.ts';
export { keepAliveOf } from './keep-alive.ts';
