import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testFleet, type Fleet } from '../support/fleet.ts';
import type { Host } from '../support/host.ts';
import { skipsHosts } from '../support/hosts.ts';
import { putLayers } from '../support/kit-cache.ts';
import { ask, endsOf, narrationsOf, requests, resultOf, runAll, type Followed } from '../support/streams.ts';
import { until } from '../support/until.ts';

const texts = (all: readonly Followed[]) => all.map(({ text }) => text);

/** Those with this narration. */
const saying = (all: readonly Followed[], words: string) => all.filter((one) => narrationsOf([one]).includes(words));

const narrations = ({ events }: Followed) =>
  events.filter(({ kind }) => kind === 'narration').map(({ json }) => JSON.parse(json) as { human: string; at: string });

/** Processes of the hive's folder: the hive and its workers. */
const ofHive = (host: Host) => host.processes().filter(({ args }) => args.includes('/.rbee/'));
const signalHive = async (host: Host, signal: string) => {
  const pid = (JSON.parse(await host.exec('cat .rbee/home/state/run/hive.json')) as { pid: number }).pid;
  await host.exec(`kill -${signal} ${pid}`);
  return pid;
};

describe.skipIf(skipsHosts())('during streams from another machine', () => {
  let fleet: Fleet<'attic' | 'cellar'>;
  const all = requests(16, { hive_id: 'attic' });
  let undisturbed: string[];
  beforeAll(async () => {
    fleet = await testFleet(['attic', 'cellar']);
    const { attic, cellar } = fleet.net.hosts;
    await Promise.all([attic, cellar].map(({ home }) => putLayers(home)));
    await Promise.all(['attic', 'cellar'].map((name) => fleet.swarm.result(['hive', 'install', name])));
    await ask(fleet.swarm, 'worker_spawn', { hive_id: 'attic', slots: 8 });
    undisturbed = texts(await runAll(fleet.swarm, all));
    expect(new Set(undisturbed).size).toBeGreaterThan(12);
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  const expectIdle = async () => {
    await until(async () => (await fleet.status()).workers.every(({ slots_used }) => slots_used === 0));
  };

  /** The hives that answered. The local hive is started where there is no other. */
  const answeredBy = async (followed: readonly Followed[]) => {
    const { workers } = await fleet.status();
    const hives = followed.map((one) => workers.find(({ worker_id }) => worker_id === resultOf(one).worker_id)?.hive_id);
    return new Set(hives);
  };

  /** All succeeded with the text of an undisturbed run: nothing is missing, and nothing came twice. */
  const expectUndisturbed = (followed: readonly Followed[], expected = undisturbed) => {
    expect(endsOf(followed)).toEqual(new Set(['result']));
    expect(texts(followed)).toEqual(expected);
    expect(followed.map((one) => resultOf(one).text)).toEqual(expected);
  };

  test('its hive is killed: the queen restarts it over SSH, and it resumes its worker and the streams', async () => {
    const { attic } = fleet.net.hosts;
    const [before] = await fleet.workersOf('attic');
    const hiveBefore = await fleet.hive('attic');
    const followed = await runAll(fleet.swarm, all, {
      begun: 8,
      tokens: 120,
      act: async () => void (await signalHive(attic, 'KILL')),
    });
    expectUndisturbed(followed);
    expect(saying(followed, 'the hive was started again; resuming on worker')).not.toHaveLength(0);
    expect(saying(followed, "hive 'attic' is unreachable; waiting for it")).not.toHaveLength(0);
    expect(await fleet.workersOf('attic')).toMatchObject([{ worker_id: before?.worker_id, pid: before?.pid }]);
    expect(ofHive(attic)).toHaveLength(2);
    expect((await fleet.hive('attic'))?.pid).not.toBe(hiveBefore?.pid);
  });

  test('the network is interrupted: the streams resume, and requests without an answer move to another machine', async () => {
    const { attic } = fleet.net.hosts;
    const few = requests(4, { hive_id: 'attic' });
    let other: Promise<Followed[]> | undefined;
    let started = 0;
    const act = async () => {
      await attic.drop();
      started = Date.now();
      // The queen has not noticed yet, and assigns these to the known worker with free slots.
      other = runAll(fleet.swarm, requests(2));
      await other;
      await until(async () => (await fleet.hive('attic'))?.reason?.includes('cannot be reached') === true);
      expect(Date.now() - started).toBeGreaterThan(7_000);
      await attic.restore();
    };
    const followed = await runAll(fleet.swarm, few, { begun: 4, tokens: 20, act });
    expectUndisturbed(followed, undisturbed.slice(0, 4));
    const elsewhere = (await other) ?? [];
    expect(endsOf(elsewhere)).toEqual(new Set(['result']));
    expect(texts(elsewhere)).toEqual(undisturbed.slice(0, 2));
    expect(saying(elsewhere, "hive 'attic' failed the request")).toHaveLength(2);
    expect(await answeredBy(elsewhere)).not.toContain('attic');
    await expectIdle();
  });

  test('its hive freezes before the first token: another hive takes the request, and the frozen one is used again once it runs', async () => {
    const { attic } = fleet.net.hosts;
    const { pid } = (await fleet.hive('attic')) ?? {};
    await signalHive(attic, 'STOP');
    // More than the other hive has slots for.
    const anywhere = runAll(fleet.swarm, requests(10));
    const elsewhere = await runAll(fleet.swarm, requests(3, { hive_id: 'cellar' }));
    expect(endsOf(elsewhere)).toEqual(new Set(['result']));
    expect(narrationsOf(elsewhere)).not.toContain('attic');
    const followed = await anywhere;
    await signalHive(attic, 'CONT');
    expectUndisturbed(followed, undisturbed.slice(0, 10));
    expect(saying(followed, "hive 'attic' failed the request")).not.toHaveLength(0);
    expect(await answeredBy(followed)).not.toContain('attic');
    expectUndisturbed(await runAll(fleet.swarm, all.slice(0, 2)), undisturbed.slice(0, 2));
    expect(await fleet.hive('attic')).toMatchObject({ state: 'running', pid });
    await expectIdle();
  });

  test('the machine crashes: another worker continues the answers with continue_elsewhere', async () => {
    const { attic } = fleet.net.hosts;
    await ask(fleet.swarm, 'hive_stop', { hive_id: 'localhost' });
    // A temperature at which the model seldom ends its answer: seconds of text. The worker of the other machine has slots for half of them.
    const hot = { temperature: 5, max_tokens: 700, json_schema: undefined, continue_elsewhere: true };
    const stories = requests(8, { prompt: 'Tell me a story', ...hot });
    const followed = await runAll(fleet.swarm, stories, { begun: 8, tokens: 120, act: () => attic.crash() });
    expect(endsOf(followed)).toEqual(new Set(['result']));
    const continued = followed.filter((one) => resultOf(one).continued === 1);
    expect(saying(continued, 'another worker continues the answer')).toEqual(continued);
    expect(continued).not.toHaveLength(0);
    expect(texts(followed)).toEqual(followed.map((one) => resultOf(one).text));
    expect(await answeredBy(followed)).not.toContain('attic');
    expect(await fleet.hive('attic')).toMatchObject({ state: 'unreachable' });
  });

  test('the machine is on again with another host key: a request is refused with a next step; once the key is trusted, the queen starts its hive automatically, and uses it', async () => {
    const { net, swarm } = fleet;
    await net.hosts.attic.rekey();
    const refused = await swarm.rbee(['infer', 'Hi', '--hive-id', 'attic']);
    expect(refused.code, refused.stderr).toBe(8);
    expect(refused.stderr).toMatch(/a host key that differs[^]*ssh-keygen -R/);
    await net.trust();
    await until(async () => (await fleet.hive('attic'))?.state === 'running');
    expectUndisturbed(await runAll(swarm, all.slice(0, 4)), undisturbed.slice(0, 4));
  });

  describe('the machine loses its power during an answer that may not continue elsewhere', () => {
    // About two seconds of text.
    const json_schema = { type: 'array', items: { type: 'boolean' }, minItems: 600 };
    const stories = requests(4, { hive_id: 'attic', json_schema });
    let crashedAt = 0;
    const losePower = async () => {
      crashedAt = Date.now();
      await fleet.net.hosts.attic.drop();
      await fleet.net.hosts.attic.crash();
    };
    const comeBack = async () => {
      await fleet.net.hosts.attic.restore();
      await fleet.net.hosts.attic.boot();
    };

    test('clients are notified within seconds that the hive is silent and how long rbee waits, and then why the request failed', async () => {
      const followed = await runAll(fleet.swarm, stories, { begun: 4, tokens: 60, act: losePower });
      await comeBack();
      for (const one of followed) {
        const { code, message } = JSON.parse(one.last.json) as Record<string, string>;
        expect(code).toBe('hive_unreachable');
        expect(message).toMatch(/^Hive 'attic' was unreachable for 30 s: attic /);
        const quiet = narrations(one).find(({ human }) =>
          human.includes("hive 'attic' has sent no heartbeat for 4 s; waiting up to 26 s"),
        );
        expect(Date.parse(quiet?.at ?? '') - crashedAt).toBeLessThan(20_000);
        // 30 s after the last event, which came before the crash.
        expect(one.endedAt - crashedAt).toBeGreaterThan(20_000);
        expect(one.endedAt - crashedAt).toBeLessThan(60_000);
        expect(one.text).not.toBe('');
      }
    });

    test('once the machine is back, its hive reports the lost answer, and the request fails at once', async () => {
      await until(async () => (await fleet.hive('attic'))?.state === 'running');
      const act = async () => {
        await losePower();
        await comeBack();
      };
      const followed = await runAll(fleet.swarm, stories, { begun: 4, tokens: 60, act });
      for (const { last, text, endedAt } of followed) {
        expect(JSON.parse(last.json)).toMatchObject({ code: 'worker_died', origin: 'rbee-hive' });
        expect(text).not.toBe('');
        expect(endedAt - crashedAt).toBeLessThan(20_000);
      }
      expect(saying(followed, "hive 'attic' is unreachable")).toHaveLength(4);
    });
  });

  test('its hive is killed, and another program there takes its port: the hive gets another port, and the program no token', async () => {
    const { attic } = fleet.net.hosts;
    const { port } = JSON.parse(await attic.exec('cat .rbee/home/state/run/hive.json')) as { port: number };
    const program = `const s = require('node:http').createServer((q, r) => (console.log(q.method, q.url, ...q.rawHeaders), r.end('{}')));
      const take = () => s.listen(${port}, '127.0.0.1');
      s.on('error', () => setTimeout(take, 2)); take(); console.log('ready');`;
    await attic.exec(`.rbee/current/node -e "${program}" >/tmp/heard 2>&1 & echo $! >/tmp/stranger`);
    const heard = () => attic.exec('cat /tmp/heard');
    await until(async () => (await heard()).includes('ready'));
    await signalHive(attic, 'KILL');
    await until(async () => (await heard()).includes('GET /v1/proof'));
    expectUndisturbed(await runAll(fleet.swarm, all.slice(0, 2)), undisturbed.slice(0, 2));
    expect(await fleet.hive('attic')).toMatchObject({ state: 'running' });
    const token = (await attic.exec('cat .rbee/token')).trim();
    expect(token).toHaveLength(43);
    expect(await heard()).not.toContain(token);
    expect(await heard()).not.toMatch(/authorization|POST/i);
    await attic.exec('kill -9 $(cat /tmp/stranger)');
  });
});
