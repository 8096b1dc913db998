/** A job's result, and how long that took from the POST to the end of its stream. */
export interface Answered<T> {
  ms: number;
  sizeBytes: number;
  output: T;
}

const RESULT = '\nevent: result\ndata: ';

/** @throws when the job does not end with a result */
export async function askQueen<T>(port: number, request: object): Promise<Answered<T>> {
  const url = `http://127.0.0.1:${port}`;
  const headers = { 'content-type': 'application/json' };
  const started = performance.now();
  const posted = await fetch(`${url}/v1/jobs`, { method: 'POST', headers, body: JSON.stringify(request) });
  const { sse_url } = (await posted.json()) as { sse_url: string };
  const text = await (await fetch(url + sse_url)).text();
  const ms = performance.now() - started;
  const from = text.indexOf(RESULT);
  if (from < 0) throw new Error(`no result: ${text.slice(-1_000)}`);
  const json = text.slice(from + RESULT.length, text.indexOf('\n\n', from));
  return { ms, sizeBytes: json.length, output: JSON.parse(json) as T };
}
