import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Swarm } from '../support/swarm.ts';
import { fleetWith, PROGRAM_TIMEOUT_MS, runScript, whyNot } from './program.ts';

/** Each script asserts what its library has to return, and ends at the first difference. */
const scripts = {
  openai: 'openai.py',
  anthropic: 'anthropic.py',
  ollama: 'ollama.py',
  litellm: 'litellm.py',
  langchain: 'langchain.py',
  llm: 'llm.sh',
};
const MODEL = 'smollm2';
const missing = new Map(Object.keys(scripts).map((name) => [name, whyNot(name, MODEL)]));
const isAnyThere = [...missing.values()].includes(undefined);

describe('libraries for Python, over one model', () => {
  let swarm: Swarm;
  beforeAll(async () => {
    if (isAnyThere) swarm = await fleetWith(MODEL, 8_192);
  }, PROGRAM_TIMEOUT_MS);
  afterAll(async () => {
    if (isAnyThere) await swarm[Symbol.asyncDispose]();
  });

  for (const [name, script] of Object.entries(scripts)) {
    const why = missing.get(name);
    test.skipIf(why !== undefined)(
      `${name} gets answers, streams and errors as it expects them${why === undefined ? '' : `: ${why}`}`,
      async () => {
        const { settings } = await swarm.result<{ settings: { text: string }[] }>(['connect', 'langchain', '--model', MODEL]);
        const outcome = await runScript(name, script, { QUEEN: swarm.queenUrl, MODEL, SETTINGS: settings[0]?.text ?? '' });
        expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
      },
      PROGRAM_TIMEOUT_MS,
    );
  }
});
