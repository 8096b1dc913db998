import { Pool } from 'undici';

const CONNECTIONS = 8;
const ANSWER_WITHIN_MS = 60_000;

/** Posts to one daemon, over connections that are kept. No answer within the deadline is an error. */
export interface Poster extends AsyncDisposable {
  post(path: string, body: Buffer, headers?: Record<string, string>): Promise<{ status: number; text: string }>;
}

export function poster(url: string): Poster {
  const pool = new Pool(url, { connections: CONNECTIONS, headersTimeout: ANSWER_WITHIN_MS, bodyTimeout: ANSWER_WITHIN_MS });
  return {
    async post(path, body, headers = { 'content-type': 'application/json' }) {
      const { statusCode, body: answer } = await pool.request({ path, method: 'POST', headers, body });
      return { status: statusCode, text: await answer.text() };
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}
