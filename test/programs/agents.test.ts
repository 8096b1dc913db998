import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome, Swarm } from '../support/swarm.ts';
import { connectedProgram, fleetWith, inferences, PROGRAM_TIMEOUT_MS, whyNot, type ModelName } from './program.ts';

const TASK = "'What does the bee make? Read README.md'";

interface Agent {
  /** Words of a shell: one task, and the end. */
  command: string;
  model: ModelName;
  contextTokens: number;
  env?: Record<string, string>;
}

/** The context has what the agent says before the task, and a short answer: a model this small may not stop before its end. */
const agents: Record<string, Agent> = {
  'claude-code': {
    command: `claude -p ${TASK}`,
    model: 'gemma3',
    contextTokens: 16_384,
    env: { CLAUDE_CODE_MAX_OUTPUT_TOKENS: '200' },
  },
  codex: { command: `codex exec --skip-git-repo-check ${TASK}`, model: 'gemma3', contextTokens: 12_288 },
  opencode: { command: `opencode run ${TASK}`, model: 'gemma3', contextTokens: 12_288 },
  cline: { command: `cline ${TASK}`, model: 'smollm2', contextTokens: 8_192 },
  aider: {
    command: `aider --yes-always --no-git --no-check-update --analytics-disable --no-show-model-warnings --message ${TASK}`,
    model: 'smollm2',
    contextTokens: 8_192,
  },
  continue: { command: `cn -p ${TASK}`, model: 'smollm2', contextTokens: 8_192 },
};

describe.each(Object.entries(agents))('%s', (name, { command, model, contextTokens, env }) => {
  const why = whyNot(name, model);
  const note = why === undefined ? '' : `: ${why}`;

  describe.skipIf(why !== undefined)(`connected as rbee connect says${note}`, () => {
    let swarm: Swarm;
    let outcome: Outcome;
    beforeAll(async () => {
      swarm = await fleetWith(model, contextTokens);
      await using program = await connectedProgram(swarm, name, model);
      await writeFile(join(program.work, 'README.md'), 'The bee makes honey.\n');
      outcome = await program.run(command, env);
    }, PROGRAM_TIMEOUT_MS);
    afterAll(() => swarm[Symbol.asyncDispose]());

    // A model this small may repeat itself to the end of its context. Then the agent's next prompt is too long, and it must say so.
    test('does one task to its end, and every request of it gets an answer', async () => {
      const jobs = await inferences(swarm);
      const failures = jobs.filter(({ state }) => state !== 'completed').map(({ state, error }) => error?.code ?? state);
      expect(failures, outcome.stderr).toEqual(failures.map(() => 'prompt_too_long'));
      expect(jobs.length).toBeGreaterThan(failures.length);
      expect(jobs.length, 'requests, repeated ones included').toBeLessThan(10);
      expect(outcome.stdout.trim()).not.toBe('');
      if (failures.length === 0) expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    });
  });
});
