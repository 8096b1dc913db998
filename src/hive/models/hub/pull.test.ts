import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ModelStore } from '../index.ts';
import {
  cutAfter,
  dripping,
  good,
  ignoringRange,
  silentAfter,
  startBreakingServer,
  status,
  type Answer,
} from '../testing/breaking-server.ts';
import { TestHub, TOKEN } from '../testing/hub-server.ts';
import { actionsOf, fakeModel, IMPATIENT, sha256, testStore, watch, type TestStore } from '../testing/test-store.ts';

const q8 = fakeModel(90_000);
const q4 = fakeModel(50_000);
const parts = [fakeModel(30_000), fakeModel(20_000), fakeModel(10_000)];
const partName = (n: number): string => `Q6_K/Bee-Q6_K-0000${n}-of-00003.gguf`;
const files = {
  'README.md': Buffer.from('A bee.'),
  'Bee-Q4_K_M.gguf': q4,
  'Bee-Q8_0.gguf': q8,
  'mmproj-F16.gguf': fakeModel(1_000),
  ...Object.fromEntries(parts.map((part, index) => [partName(index + 1), part])),
};
const repo = 'Acme/Bee-GGUF';

let hub: TestHub;
let test_: TestStore;
let store: ModelStore;
let commit: string;

beforeEach(async () => {
  hub = await TestHub.start();
  commit = hub.put(repo, files);
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])
    vi.stubEnv(name, '');
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HUB_DISABLE_IMPLICIT_TOKEN', '1');
  test_ = testStore();
  ({ store } = test_);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  test_[Symbol.dispose]();
  await hub[Symbol.asyncDispose]();
});

const cached = (...names: string[]): string => path.join(test_.modelsDir, 'hub', 'models--Acme--Bee-GGUF', ...names);
const everyFile = (directory: string): string[] =>
  fs.existsSync(directory)
    ? fs
        .readdirSync(directory, { recursive: true, withFileTypes: true })
        .flatMap((each) => (each.isDirectory() ? [] : [path.join(each.parentPath, each.name)]))
    : [];
const codeOf = (source: string) =>
  watch(store, { source }).model.then(
    () => 'none',
    (cause: { code: string }) => cause.code,
  );

test('a model of the Hub is downloaded under its canonical name, checked, and laid out as the programs of the Hub expect', async () => {
  const download = watch(store, { source: 'acme/bee-gguf:q8_0' });
  const model = await download.model;
  expect(model).toMatchObject({
    ...{ model: 'Acme/Bee-GGUF:Q8_0', source: 'hf:Acme/Bee-GGUF:Q8_0', repo, revision: commit, size_bytes: 90_000 },
    sha256: sha256(q8),
    files: [{ path: 'Bee-Q8_0.gguf', size_bytes: 90_000, digest: sha256(q8) }],
  });
  expect(model.path).toBe(cached('snapshots', commit, 'Bee-Q8_0.gguf'));
  expect(fs.readlinkSync(model.path)).toBe(path.join('..', '..', 'blobs', sha256(q8)));
  expect(fs.readFileSync(model.path).equals(q8)).toBe(true);
  expect(fs.readFileSync(cached('refs', 'main'), 'utf8')).toBe(commit);
  expect(everyFile(cached())).toHaveLength(3);
  expect(actionsOf(download)).toEqual(['resolve', 'fetch', 'fetch', 'ready']);
  expect(download.progress.at(-1)).toMatchObject({ done: 90_000, total: 90_000, sha256: sha256(q8) });
  expect(hub.requests.find(({ at }) => at === 'hub')?.headers['user-agent']).toMatch(/^rbee\//);
  expect(hub.ranges()).toEqual(['bytes=0-89999']);
  for (const name of ['Acme/Bee-GGUF:Q8_0', 'acme/bee-gguf:q8_0', 'hf:acme/bee-gguf', 'Acme/Bee-GGUF']) {
    expect(await store.get(name)).toMatchObject({ model: 'Acme/Bee-GGUF:Q8_0' });
    expect(await store.resolve(name)).toMatchObject({ path: model.path });
  }
});

test('a model in parts is one model: all parts count, under their own names in one folder', async () => {
  const download = watch(store, { source: `${repo}:Q6_K` });
  const model = await download.model;
  expect(model).toMatchObject({ model: 'Acme/Bee-GGUF:Q6_K', size_bytes: 60_000, files: [{}, {}, {}] });
  expect(model.sha256).toBeUndefined();
  expect(model.path).toBe(cached('snapshots', commit, partName(1)));
  expect(fs.readdirSync(path.dirname(model.path)).toSorted()).toEqual([1, 2, 3].map((n) => path.basename(partName(n))));
  parts.forEach((part, index) => {
    expect(fs.readFileSync(cached('snapshots', commit, partName(index + 1))).equals(part)).toBe(true);
  });
  const done = download.progress.map((each) => each.done);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  expect(download.progress.every((each) => each.total === 60_000 && each.sha256 === undefined)).toBe(true);
  await store.remove('Acme/Bee-GGUF:Q6_K');
  expect(everyFile(path.join(test_.modelsDir, 'hub'))).toEqual([]);
  expect(test_.files()).toEqual(['hub']);
});

test('a model with a missing or changed part is reported, and a new download fetches that part alone', async () => {
  const model = await watch(store, { source: `${repo}:Q6_K` }).model;
  const second = cached('blobs', sha256(parts[1] ?? Buffer.alloc(0)));
  fs.truncateSync(second, 5);
  await expect(store.get(model.model)).rejects.toMatchObject({
    code: 'model_corrupt',
    message: expect.stringContaining('00002-of-00003') as string,
  });
  fs.rmSync(second);
  await expect(store.get(model.model)).rejects.toMatchObject({ code: 'model_not_found' });
  expect(await store.list()).toMatchObject([{ model: 'tiny' }]);
  hub.requests.length = 0;
  await watch(store, { source: `${repo}:Q6_K` }).model;
  expect(hub.ranges()).toEqual(['bytes=0-19999']);
  expect(await store.get(model.model)).toMatchObject({ size_bytes: 60_000 });
});

test('without a quantization, the usual one is chosen and the choice is reported', async () => {
  const download = watch(store, { source: `https://huggingface.co/${repo}` });
  expect(await download.model).toMatchObject({ model: 'Acme/Bee-GGUF:Q4_K_M' });
  expect(download.narrations.find(({ action }) => action === 'choose')?.human).toBe('took Q4_K_M (50.0 kB)');
});

test('a model that is here is not looked up on the Hub', async () => {
  await watch(store, { source: `${repo}:Q8_0` }).model;
  hub.requests.length = 0;
  for (const source of [
    `${repo}:Q8_0`,
    repo,
    `hf:${repo}:q8_0`,
    `${repo}/Bee-Q8_0.gguf`,
    `${repo}:Q8_0@main`,
    `${repo}:Q8_0@${commit}`,
  ]) {
    const again = watch(store, { source });
    await again.model;
    expect(actionsOf(again)).toEqual(['exists']);
  }
  expect(hub.requests).toEqual([]);
});

test('a model keeps the name that the request gave it, and its repository is known by it', async () => {
  const model = await watch(store, { source: `${repo}:Q8_0`, name: 'bee' }).model;
  expect(model).toMatchObject({ model: 'bee', source: 'hf:Acme/Bee-GGUF:Q8_0' });
  await expect(watch(store, { source: `${repo}:Q4_K_M`, name: 'bee' }).model).rejects.toMatchObject({ code: 'model_exists' });
  const other = await watch(store, { source: `${repo}:Q8_0` }).model;
  expect(other.model).toBe('Acme/Bee-GGUF:Q8_0');
  expect(hub.ranges()).toHaveLength(1);
  await store.remove('bee');
});

test('a file that two models share stays until neither needs it', async () => {
  await watch(store, { source: `${repo}:Q8_0`, name: 'bee' }).model;
  const newer = hub.put(repo, { ...files, 'README.md': Buffer.from('Two bees.') });
  const other = await watch(store, { source: `${repo}:Q8_0@main`, name: 'wasp' }).model;
  expect(other.revision).toBe(newer);
  expect(hub.ranges()).toHaveLength(1);
  await store.remove('bee');
  expect(fs.readFileSync(other.path).equals(q8)).toBe(true);
  expect(await store.get('wasp')).toMatchObject({ size_bytes: 90_000 });
  await store.remove('wasp');
  expect(everyFile(cached())).toEqual([]);
});

test('what has arrived of a download is listed, also under the name of a damaged model, until another one takes the name', async () => {
  fs.truncateSync((await watch(store, { source: `${repo}:Q8_0`, name: 'bee' }).model).path, 5);
  hub.cdn((served) => cutAfter(40_000, served), ...Array.from({ length: 4 }, () => () => status(500)));
  await expect(watch(store, { source: `${repo}:Q4_K_M`, name: 'bee' }).model).rejects.toMatchObject({ code: 'download_failed' });
  expect(await store.unfinished()).toEqual([{ model: 'bee', size_bytes: 40_000 }]);
  await using server = await startBreakingServer(good({ content: q8 }));
  await watch(store, { source: server.url, name: 'bee' }).model;
  expect([await store.unfinished(), everyFile(cached())]).toEqual([[], []]);
});

test('an odd entry hides no other that a search finds', async () => {
  const odd = [{ id: '../out' }, { id: 7 }, null, { id: repo, gguf: null }];
  hub.hub((_, response) => void response.end(JSON.stringify(odd)));
  const search = { query: 'bee', limit: 5, sort: 'trending', hive_id: 'attic' } as const;
  expect((await store.searchHub(search, new AbortController().signal)).models).toEqual([{ model: repo, gated: false }]);
});

test('a model is deleted by any name that it is found by', async () => {
  await watch(store, { source: `${repo}:Q8_0` }).model;
  expect(await store.remove('hf:acme/bee-gguf:q8_0')).toBe(`${repo}:Q8_0`);
  hub.cdn((served) => cutAfter(40_000, served), ...Array.from({ length: 4 }, () => () => status(500)));
  await expect(watch(store, { source: `${repo}:Q8_0` }).model).rejects.toMatchObject({ code: 'download_failed' });
  expect(await store.remove('acme/bee-gguf')).toBe(`${repo}:Q8_0`);
  expect(everyFile(path.join(test_.modelsDir, 'hub'))).toEqual([]);
});

test('a mirror may have the Hub below a path', async () => {
  const server = http.createServer((request, response) => {
    const path_ = request.url ?? '';
    const to = path_.startsWith('/mirror/') ? `${hub.url}${path_.slice('/mirror'.length)}` : `${hub.url}/nothing`;
    response.writeHead(307, { location: to }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror/`);
  expect(await watch(store, { source: `${repo}:Q8_0` }).model).toMatchObject({ size_bytes: 90_000 });
  expect(
    (await store.searchHub({ query: 'bee', limit: 2, sort: 'updated', hive_id: 'attic' }, new AbortController().signal)).models,
  ).toHaveLength(1);
  server.closeAllConnections();
  server.close();
});

test('deleting a model leaves the file to another one of the same commit', async () => {
  await watch(store, { source: `${repo}:Q8_0`, name: 'bee' }).model;
  const other = await watch(store, { source: `${repo}:Q8_0` }).model;
  await store.remove('bee');
  expect(await store.list()).toMatchObject([{ model: 'tiny' }, { model: other.model }]);
  expect(fs.readFileSync(other.path).equals(q8)).toBe(true);
  await store.remove(other.model);
  expect(everyFile(cached())).toEqual([]);
});

test('a damaged model that another one replaces under its name leaves no file', async () => {
  const damaged = await watch(store, { source: `${repo}:Q8_0`, name: 'bee' }).model;
  fs.truncateSync(damaged.path, 5);
  await watch(store, { source: `${repo}:Q4_K_M`, name: 'bee' }).model;
  expect(everyFile(cached('blobs')).map((file) => path.basename(file))).toEqual([sha256(q4)]);
  expect(everyFile(cached('snapshots'))).toHaveLength(1);
  fs.truncateSync(cached('blobs', sha256(q4)), 5);
  await using server = await startBreakingServer(good({ content: q8 }));
  await watch(store, { source: server.url, name: 'bee' }).model;
  expect(everyFile(cached())).toEqual([]);
});

test('two models of a repository are two, however alike their names are', async () => {
  hub.put('acme/alike', { 'a/x-Q8_0.gguf': q8, 'b/x-Q8_0.gguf': q4, 'c/x-Q8_0-00001-of-00001.gguf': fakeModel(1_000) });
  const one = await watch(store, { source: 'acme/alike/a/x-Q8_0.gguf' }).model;
  const other = await watch(store, { source: 'acme/alike/b/x-Q8_0.gguf' }).model;
  expect([one.sha256, other.sha256]).toEqual([sha256(q8), sha256(q4)]);
});

test.each<[string, string, object]>([
  ['a name of a repository', 'revision', { id: 'a/../../../../../out', sha: 'a'.repeat(40) }],
  ['a name of a repository', 'revision', { id: '../out', sha: 'a'.repeat(40) }],
  ['a digest', 'tree', [{ type: 'file', path: 'Bee-Q8_0.gguf', size: 90, oid: '../../../../../out' }]],
  ['a path', 'tree', [{ type: 'file', path: '../../../Bee-Q8_0.gguf', size: 90, oid: 'a'.repeat(40) }]],
])('a Hub that sends %s that would leave the folder (%s) leaves nothing', async (_, kind, body) => {
  const answer: Answer = (__, response) => void response.end(JSON.stringify(body));
  const known: Answer = (__, response) => void response.end(JSON.stringify({ id: repo, sha: commit }));
  hub.hub(...(kind === 'tree' ? [known, answer] : [answer]));
  const sentence = kind === 'tree' ? /has no (Q8_0|GGUF model)/ : /answered as no Hugging Face Hub does/;
  await expect(watch(store, { source: `${repo}:Q8_0` }).model).rejects.toThrow(sentence);
  expect(everyFile(path.dirname(test_.modelsDir)).filter((file) => !file.includes('.writer.lock'))).toEqual([]);
});

test('the listing of a repository has pages, and a renamed repository answers by its former name', async () => {
  hub.pageSize = 2;
  hub.put('Acme/Old-Bee', {}, { renamed: repo });
  expect(await watch(store, { source: 'Acme/Old-Bee:Q8_0' }).model).toMatchObject({ model: 'Acme/Bee-GGUF:Q8_0' });
});

test('a cut connection and a restart of the process cost no byte twice, and the partial model is listed', async () => {
  hub.cdn(
    (served) => cutAfter(40_000, served),
    (served) => silentAfter(20_000, served),
  );
  const download = watch(test_.reopened({ ...IMPATIENT, idleBodyMs: 60_000 }), { source: `${repo}:Q8_0` });
  const part = `${cached('blobs', sha256(q8))}.part`;
  await expect.poll(() => fs.existsSync(part) && fs.statSync(part).size).toBe(60_000);
  await expect(store.remove('Acme/Bee-GGUF:Q8_0')).rejects.toMatchObject({ code: 'download_failed' });
  download.cancel();
  await expect(download.model).rejects.toMatchObject({ code: 'cancelled' });
  expect(await store.unfinished()).toEqual([{ model: 'Acme/Bee-GGUF:Q8_0', size_bytes: 60_000 }]);
  expect(await store.list()).toMatchObject([{ model: 'tiny' }]);
  const again = watch(test_.reopened(), { source: `${repo}:Q8_0` });
  expect(fs.readFileSync((await again.model).path).equals(q8)).toBe(true);
  expect(hub.ranges()).toEqual(['bytes=0-89999', 'bytes=40000-89999', 'bytes=60000-89999']);
  expect(await store.unfinished()).toEqual([]);
});

test('a second request for a model waits for the first, and both get it', async () => {
  hub.cdn((served) => dripping({ pieces: 30, pauseMs: 20 }, served));
  const first = watch(store, { source: `${repo}:Q8_0` });
  await first.until((event) => event.kind === 'progress');
  const second = watch(store, { source: `${repo}:Q8_0` });
  expect(await second.model).toEqual(await first.model);
  expect(second.narrations.find(({ action }) => action === 'wait')?.human).toMatch(
    /Q8_0 is being downloaded already \(\d+ %\); waiting for it/,
  );
  expect(second.progress.length).toBeGreaterThan(0);
  expect(hub.ranges()).toHaveLength(1);
});

test('when the first of two requests is cancelled, the second continues with what has arrived', async () => {
  hub.cdn((served) => silentAfter(40_000, served));
  const patient = test_.reopened({ ...IMPATIENT, idleBodyMs: 60_000 });
  const first = watch(patient, { source: `${repo}:Q8_0` });
  const part = `${cached('blobs', sha256(q8))}.part`;
  await expect.poll(() => fs.existsSync(part) && fs.statSync(part).size).toBe(40_000);
  const [second, third] = [1, 2].map(() => watch(patient, { source: `${repo}:Q8_0` }));
  await expect.poll(() => [second, third].map((each) => each && actionsOf(each).includes('wait'))).toEqual([true, true]);
  third?.cancel();
  await expect(third?.model).rejects.toMatchObject({ code: 'cancelled' });
  first.cancel();
  await expect(first.model).rejects.toMatchObject({ code: 'cancelled' });
  const model = await second?.model;
  expect(fs.readFileSync(model?.path ?? '').equals(q8)).toBe(true);
  expect(hub.ranges()).toEqual(['bytes=0-89999', 'bytes=40000-89999']);
});

test('an unfinished download is deleted by its name', async () => {
  hub.cdn((served) => cutAfter(40_000, served), ...Array.from({ length: 4 }, () => () => status(500)));
  await expect(watch(store, { source: `${repo}:Q8_0` }).model).rejects.toMatchObject({ code: 'download_failed' });
  expect(await store.unfinished()).toMatchObject([{ model: 'Acme/Bee-GGUF:Q8_0' }]);
  await store.remove('Acme/Bee-GGUF:Q8_0', (file) => expect(path.basename(file)).toBe('Bee-Q8_0.gguf'));
  expect(await store.unfinished()).toEqual([]);
  expect(everyFile(cached())).toEqual([]);
  await expect(store.remove('Acme/Bee-GGUF:Q8_0')).rejects.toMatchObject({ code: 'model_not_found' });
});

test('an expired address is requested again', async () => {
  hub.cdn(
    (served) => cutAfter(40_000, served),
    () => status(403),
  );
  await watch(store, { source: `${repo}:Q8_0` }).model;
  expect(hub.requests.filter(({ path: each }) => each.includes('/resolve/'))).toHaveLength(3);
});

test('a server that ignores ranges is read from the start', async () => {
  hub.cdn(
    (served) => cutAfter(40_000, served),
    (served) => ignoringRange(good(served)),
  );
  const model = await watch(store, { source: `${repo}:Q8_0` }).model;
  expect(fs.readFileSync(model.path).equals(q8)).toBe(true);
});

test('a small file that the Hub has in git is checked by its digest there', async () => {
  hub.put('acme/small', { 'small.gguf': fakeModel(100) });
  expect(await watch(store, { source: 'acme/small' }).model).toMatchObject({ model: 'acme/small:small', size_bytes: 100 });
});

const flipped = (served: { content: Buffer }): Answer => {
  const content = Buffer.from(served.content);
  content[50_000] = (content[50_000] ?? 0) ^ 1;
  return good({ content });
};

test.each<[string, (served: { content: Buffer }) => Answer, string, RegExp]>([
  ['with another digest', flipped, 'checksum_mismatch', /arrived damaged/],
  [
    'that is a web page',
    () => status(200, { 'content-type': 'text/html' }, '<html>'),
    'model_corrupt',
    /a web page came in its place/,
  ],
  [
    'that is longer',
    (served) => good({ content: Buffer.concat([served.content, q4]) }),
    'model_corrupt',
    /another part than was requested/,
  ],
  [
    'that is shorter',
    (served) => ignoringRange(good({ content: served.content.subarray(0, 70_000) })),
    'model_corrupt',
    /70000 bytes came, and the Hub lists 90000/,
  ],
])('a file %s becomes no model', async (_, way, code, sentence) => {
  hub.cdn(way);
  const { model } = watch(store, { source: `${repo}:Q8_0` });
  await expect(model).rejects.toMatchObject({ code });
  await expect(model).rejects.toThrow(sentence);
  expect(everyFile(cached('snapshots'))).toEqual([]);
  await watch(store, { source: `${repo}:Q8_0` }).model;
});

describe('a token', () => {
  beforeEach(() => vi.stubEnv('HF_TOKEN', TOKEN));

  test('is sent to the Hub alone, and is in no file and no message', async () => {
    const download = watch(store, { source: `${repo}:Q6_K` });
    await download.model;
    for (const { at, headers } of hub.requests) expect(headers.authorization).toBe(at === 'hub' ? `Bearer ${TOKEN}` : undefined);
    expect(JSON.stringify(download.narrations)).not.toContain(TOKEN);
    for (const file of everyFile(test_.modelsDir)) expect(fs.readFileSync(file).includes(TOKEN)).toBe(false);
  });

  test('that is not accepted does not hide what is public, and is named where it does', async () => {
    vi.stubEnv('HF_TOKEN', 'hf_old');
    const download = watch(store, { source: `${repo}:Q8_0` });
    await download.model;
    expect(download.narrations.find(({ action }) => action === 'token')?.human).toContain('the token from HF_TOKEN');
    hub.put('acme/secret', files, { isPrivate: true });
    await expect(watch(store, { source: 'acme/secret' }).model).rejects.toMatchObject({ code: 'hub_unauthorized' });
  });

  test('opens a private repository', async () => {
    hub.put('acme/secret', files, { isPrivate: true });
    expect(await watch(store, { source: 'acme/secret:Q8_0' }).model).toMatchObject({ model: 'acme/secret:Q8_0' });
  });

  test('without access to a gated repository fails with the page to ask for it', async () => {
    hub.put('acme/gated', files, { gated: true });
    await expect(watch(store, { source: 'acme/gated' }).model).rejects.toMatchObject({
      code: 'model_gated',
      message: `acme/gated is gated: the token from HF_TOKEN has no access yet; ask for it at ${hub.url}/acme/gated`,
    });
    hub.tokens.add(`${TOKEN}+access`);
    await watch(store, { source: 'acme/gated' }).model;
  });

  test('is read from the file of the programs of the Hub, unless that is switched off', async () => {
    vi.stubEnv('HF_TOKEN', '');
    const file = path.join(path.dirname(test_.modelsDir), 'token');
    fs.writeFileSync(file, `${TOKEN}\n`);
    vi.stubEnv('HF_TOKEN_PATH', file);
    hub.put('acme/secret', files, { isPrivate: true });
    expect(await codeOf('acme/secret')).toBe('model_not_found');
    vi.stubEnv('HF_HUB_DISABLE_IMPLICIT_TOKEN', '');
    expect(await codeOf('acme/secret')).toBe('none');
  });

  test('is not sent in the clear to another machine', async () => {
    vi.stubEnv('HF_ENDPOINT', 'http://mirror.invalid');
    await expect(watch(store, { source: repo }).model).rejects.toMatchObject({ code: 'hub_unauthorized' });
  });
});

test.each([
  ['acme/nothing', 'model_not_found', /There is no acme\/nothing on 127\.0\.0\.1:\d+, or it is private \(the hive has no token/],
  [`${repo}:Q5_K_M`, 'model_not_found', /has no Q5_K_M\. It has: Q4_K_M \(50\.0 kB\), Q6_K \(60\.0 kB\), Q8_0/],
  [`${repo}/Bee-Q2_K.gguf`, 'model_not_found', /has no Bee-Q2_K\.gguf\. It has: /],
  [`${repo}@v9`, 'model_not_found', /has no branch, tag or commit 'v9'/],
  ['acme/gated', 'model_gated', /ask for access at .*, then set HF_TOKEN for the hive/],
  ['acme/texts', 'model_not_found', /acme\/texts has no GGUF model/],
])('the download of %s fails with %s', async (source, code, sentence) => {
  hub.put('acme/gated', files, { gated: true });
  hub.put('acme/texts', { 'model.safetensors': fakeModel(1_000) });
  const { model } = watch(store, { source });
  await expect(model).rejects.toMatchObject({ code });
  await expect(model).rejects.toThrow(sentence);
  expect(await store.unfinished()).toEqual([]);
  expect(everyFile(path.join(test_.modelsDir, 'hub'))).toEqual([]);
});

test('a Hub that limits requests for long is given up with its own error, and one that answers a web page with another', async () => {
  hub.hub(status(429, { ratelimit: '"api";r=0;t=3000' }));
  await expect(watch(store, { source: repo }).model).rejects.toMatchObject({ code: 'hub_limited', retryable: true });
  hub.hub(...Array.from({ length: 4 }, () => status(200, { 'content-type': 'text/html' }, '<html>login</html>')));
  const { model } = watch(test_.reopened(), { source: repo });
  await expect(model).rejects.toThrow('answered with a web page: a proxy or a login page may be in between');
});

test('a Hub that is away for a while is asked again', async () => {
  hub.hub(status(503), (_, response) => void response.socket?.destroy(), status(500));
  await watch(store, { source: `${repo}:Q8_0` }).model;
});

test('the models of a repository are listed with their sizes, and which of them fit', async () => {
  const { models, revision } = await test_.reopened(IMPATIENT, 60_000).hubModels('acme/bee-gguf', new AbortController().signal);
  expect(revision).toBe(commit);
  expect(models).toEqual([
    { model: `${repo}:Q4_K_M`, quantization: 'Q4_K_M', size_bytes: 50_000, parts: 1, whole: true, fits: true, default: true },
    { model: `${repo}:Q6_K`, quantization: 'Q6_K', size_bytes: 60_000, parts: 3, whole: true, fits: false },
    { model: `${repo}:Q8_0`, quantization: 'Q8_0', size_bytes: 90_000, parts: 1, whole: true, fits: false },
  ]);
  await expect(store.hubModels('tiny', new AbortController().signal)).rejects.toMatchObject({ code: 'invalid_input' });
});

test('the Hub is searched for GGUF models', async () => {
  hub.put('acme/bee-gated', files, { gated: true });
  const search = { query: 'bee', limit: 2, sort: 'trending', hive_id: 'attic' } as const;
  const { models } = await store.searchHub(search, new AbortController().signal);
  const found = { architecture: 'llama', parameters: 2_100_000 };
  expect(models).toEqual([
    { model: repo, likes: 0, gated: false, ...found },
    { model: 'acme/bee-gated', likes: 1, gated: true, ...found },
  ]);
  expect(hub.requests[0]?.path).toMatch(
    /^\/api\/models\?search=bee&filter=gguf&sort=trendingScore&direction=-1&limit=2&expand=downloads/,
  );
});
