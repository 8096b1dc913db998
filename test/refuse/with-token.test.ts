import { describe } from 'vitest';
import { doorsWithToken } from './doors.ts';
import { startFleet } from './one-fleet.ts';
import { leaks, secrets } from './secrets.ts';

startFleet({ RBEE_TOKEN: secrets.token, RBEE_LOG: 'trace', HF_TOKEN: secrets.environment });

describe('with a token', () => doorsWithToken(secrets.token));
describe('secrets', leaks);
