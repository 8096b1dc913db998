import type { IncomingMessage } from 'node:http';
import { isProven } from '../../proof/index.ts';

/**
 * A constraint of routes. One with `proven: 'yes'` serves callers that have proved themselves on their connection, and the same route
 * without it all others. The route is chosen before the body is read.
 */
export const proven = {
  name: 'proven',
  validate: () => undefined,
  storage: <Route>() => {
    const routes = new Map<string, Route>();
    return {
      get: (value: string) => routes.get(value) ?? null,
      set: (value: string, route: Route) => void routes.set(value, route),
    };
  },
  deriveConstraint: (request: IncomingMessage) => (isProven(request) ? 'yes' : 'no'),
};
