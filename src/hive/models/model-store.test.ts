import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress, nameIn } from './address.ts';
import { filesOf, isModelName } from './names.ts';
import { BUILTIN_DIR, actionsOf, fakeModel, sha256, testStore, TINY_FILE, watch } from './testing/test-store.ts';

const content = fakeModel(50_000);

function fileWith(directory: string, name: string, bytes: Buffer | string = content): string {
  fs.mkdirSync(directory, { recursive: true });
  const file = path.join(directory, name);
  fs.writeFileSync(file, bytes);
  return file;
}

/** A folder beside the models directory, for files of the user. */
function elsewhere(modelsDir: string): string {
  return path.join(path.dirname(modelsDir), 'elsewhere');
}

test('the built-in model is listed without a download, and nothing is written for it', async () => {
  using test = testStore();
  const tiny = await test.store.get('tiny');
  expect(tiny).toMatchObject({ model: 'tiny', path: TINY_FILE, source: 'builtin', size_bytes: fs.statSync(TINY_FILE).size });
  expect(await test.store.list()).toEqual([tiny]);
  expect(await test.store.resolve('tiny')).toEqual({ model: tiny, path: TINY_FILE });
  expect(fs.existsSync(test.modelsDir)).toBe(false);
});

test('an unfinished download is not fetched into itself', async () => {
  using test = testStore();
  const part = fileWith(test.modelsDir, 'bee.gguf.part');
  await expect(watch(test.store, { source: part, name: 'bee' }).model).rejects.toMatchObject({ code: 'invalid_input' });
  expect(fs.readFileSync(part).equals(content)).toBe(true);
});

test('a missing built-in model is reported, and its name stays reserved', async () => {
  using test = testStore({ builtinDir: '/nowhere' });
  await expect(watch(test.store, { source: TINY_FILE, name: 'tiny' }).model).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(test.store.get('tiny')).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(test.store.get('tiny')).rejects.toThrow('/nowhere/rbee-tiny-Q8_0.gguf. Install rbee again.');
  expect(await test.store.list()).toEqual([]);
});

test('a file on this machine is copied, by its path or its file: URL, which are one source', async () => {
  using test = testStore();
  const file = fileWith(elsewhere(test.modelsDir), 'wild bee.gguf');
  const download = watch(test.store, { source: file, sha256: sha256(content) });
  const model = await download.model;
  expect(model).toMatchObject({ model: 'wild-bee', source: file, sha256: sha256(content), size_bytes: 50_000 });
  expect(fs.readFileSync(model.path).equals(content)).toBe(true);
  expect(fs.existsSync(file)).toBe(true);
  expect(download.progress.at(-1)).toMatchObject({ done: 50_000, total: 50_000 });
  expect(await watch(test.store, { source: pathToFileURL(file).href }).model).toEqual(model);
});

test('an interrupted copy is resumed, unless the file has changed', async () => {
  using test = testStore();
  const big = fakeModel(5_000_000);
  const file = fileWith(elsewhere(test.modelsDir), 'bee.gguf', big);
  const first = watch(test.store, { source: file });
  await first.until((event) => event.kind === 'progress');
  first.cancel();
  await expect(first.model).rejects.toMatchObject({ code: 'cancelled' });
  expect(test.files()).toEqual(['bee.gguf.part', 'bee.gguf.part.json']);
  const part = path.join(test.modelsDir, 'bee.gguf.part');
  fs.truncateSync(part, 100_000); // Less than the first piece.
  const second = watch(test.reopened(), { source: file, sha256: sha256(big) });
  await second.model;
  expect(actionsOf(second)).toEqual(['verify', 'resume', 'ready']);

  await test.store.remove('bee');
  const third = watch(test.store, { source: file });
  await third.until((event) => event.kind === 'progress');
  third.cancel();
  await expect(third.model).rejects.toMatchObject({ code: 'cancelled' });
  fs.writeFileSync(file, content);
  const fourth = watch(test.store, { source: file, sha256: sha256(content) });
  await fourth.model;
  expect(actionsOf(fourth)).toContain('restart');
});

test.each([
  {
    what: 'a missing file',
    source: '/nowhere/bee.gguf',
    says: "there is no such file on the machine of hive 'attic', where paths are looked up",
  },
  { what: 'a directory', source: BUILTIN_DIR, says: 'is not a file' },
  { what: 'a device', source: '/dev/zero', says: 'is not a file' },
  {
    what: 'a file that is not a model',
    source: import.meta.filename,
    code: 'model_corrupt',
    says: "it does not begin with 'GGUF'.",
  },
  {
    what: 'a relative path',
    source: 'models/bee.gguf',
    code: 'invalid_input',
    says: 'an http or https URL, or an absolute path',
  },
  { what: 'an ftp URL', source: 'ftp://example.org/bee.gguf', code: 'invalid_input', says: "begins with 'ftp:'" },
  {
    what: 'a file: URL of another host',
    source: 'file://attic/bee.gguf',
    code: 'invalid_input',
    says: 'write file:///path/to/model.gguf',
  },
])('$what cannot be downloaded', async ({ source, code = 'download_failed', says }) => {
  using test = testStore();
  const download = watch(test.store, { source, name: 'bee' });
  await expect(download.model).rejects.toMatchObject({ code });
  await expect(download.model).rejects.toThrow(says);
  expect(test.files()).toEqual([]);
});

test('an unknown name is refused with the nearest name and the list of models', async () => {
  using test = testStore();
  await watch(test.store, { source: fileWith(elsewhere(test.modelsDir), 'qwen3-8b.gguf') }).model;
  await expect(test.store.get('tinny')).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(test.store.get('tinny')).rejects.toThrow(
    "Model 'tinny' not found. Did you mean 'tiny'? The hive has: tiny, qwen3-8b",
  );
  await expect(test.store.get('QWEN3-8B')).rejects.toThrow("Did you mean 'qwen3-8b'?");
  await expect(test.store.resolve('something-else')).rejects.toThrow(
    /^Model 'something-else' not found\. The hive has: tiny, qwen3-8b$/,
  );
});

test('a model whose file is missing or truncated is reported, left out of the list, and can be deleted', async () => {
  using test = testStore();
  const model = await watch(test.store, { source: fileWith(elsewhere(test.modelsDir), 'bee.gguf') }).model;
  fs.truncateSync(model.path, 30);
  await expect(test.store.get('bee')).rejects.toMatchObject({ code: 'model_corrupt' });
  await expect(test.store.get('bee')).rejects.toThrow('has 30 bytes, not 50000');
  fs.rmSync(model.path);
  await expect(test.store.resolve('bee')).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(test.store.get('bee')).rejects.toThrow(
    `The file of model 'bee' is missing: ${model.path}. Download it again, or forget it: rbee model delete bee`,
  );
  expect(await test.store.list()).toMatchObject([{ model: 'tiny' }]);
  await test.store.remove('bee');
  await expect(test.store.get('bee')).rejects.toThrow("Model 'bee' not found");
});

test('the models directory can be moved', async () => {
  using test = testStore();
  await watch(test.store, { source: fileWith(elsewhere(test.modelsDir), 'bee.gguf') }).model;
  const moved = `${test.modelsDir}-moved`;
  fs.renameSync(test.modelsDir, moved);
  using other = testStore({ modelsDir: moved, catalog: test.catalog });
  expect((await other.store.get('bee')).path).toBe(path.join(moved, 'bee.gguf'));
});

test('a file is used in place, under its path, beside a model with the same name', async () => {
  using test = testStore();
  const file = fileWith(elsewhere(test.modelsDir), 'My model.GGUF');
  const { model, path: used } = await test.store.resolve(file);
  expect(used).toBe(file);
  expect(model).toMatchObject({ model: file, path: file, source: file, size_bytes: 50_000 });
  expect(await test.store.list()).toMatchObject([{ model: 'tiny' }]);
  expect(test.files()).toEqual([]);
});

test.each([
  { what: 'of a missing file', file: 'bee.gguf', code: 'model_not_found', says: 'There is no file' },
  { what: 'of a file that is not .gguf', file: 'bee.bin', bytes: content, code: 'model_not_found', says: 'is not a .gguf file' },
  {
    what: 'of a web page with the name of a model',
    file: 'bee.gguf',
    bytes: '<html>',
    code: 'model_corrupt',
    says: 'It looks like a web page',
  },
  { what: 'of an empty file', file: 'bee.gguf', bytes: '', code: 'model_corrupt', says: 'only 0 bytes' },
])('a path $what is not resolved', async ({ file, bytes, code, says }) => {
  using test = testStore();
  if (bytes !== undefined) fileWith(elsewhere(test.modelsDir), file, bytes);
  const where = path.join(elsewhere(test.modelsDir), file);
  await expect(test.store.resolve(where)).rejects.toMatchObject({ code });
  await expect(test.store.resolve(where)).rejects.toThrow(says);
});

test('a relative path is refused', async () => {
  using test = testStore();
  await expect(test.store.resolve('./bee.gguf')).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(test.store.resolve('./bee.gguf')).rejects.toThrow('give the absolute path');
});

test('a deleted model is no longer in the list or on disk', async () => {
  using test = testStore();
  await watch(test.store, { source: fileWith(elsewhere(test.modelsDir), 'bee.gguf') }).model;
  await test.store.remove('bee');
  expect(test.files()).toEqual([]);
  expect(await test.reopened().list()).toMatchObject([{ model: 'tiny' }]);
  await expect(test.store.remove('bee')).rejects.toMatchObject({ code: 'model_not_found' });
});

test('deleting removes a symlink, not what it points to', async () => {
  using test = testStore();
  const model = await watch(test.store, { source: fileWith(elsewhere(test.modelsDir), 'bee.gguf') }).model;
  const victim = fileWith(elsewhere(test.modelsDir), 'victim.gguf');
  fs.rmSync(model.path);
  fs.symlinkSync(victim, model.path);
  await test.store.remove('bee');
  expect(fs.readFileSync(victim).equals(content)).toBe(true);
  expect(test.files()).toEqual([]);
});

test('the built-in model and files used in place are not deleted', async () => {
  using test = testStore();
  const file = fileWith(elsewhere(test.modelsDir), 'bee.gguf');
  for (const name of ['tiny', file, '../elsewhere/bee']) {
    await expect(test.store.remove(name)).rejects.toMatchObject({ code: 'model_protected' });
  }
  expect(fs.existsSync(file)).toBe(true);
  expect(fs.existsSync(TINY_FILE)).toBe(true);
});

test('no model name is a path outside the models directory, and no two kinds of file share a name', () => {
  const escapes = fc.oneof(fc.constantFrom('..', '.', '', '../x', 'a/b', '/etc/passwd', '.part', 'a\0', 'a\n', 'é'), fc.string());
  const sound = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
  fc.assert(
    fc.property(fc.oneof(escapes, sound), fc.oneof(escapes, sound), (one, other) => {
      for (const name of [one, other]) {
        if (!isModelName(name)) expect(() => filesOf('/models', name)).toThrow('cannot name a model');
        else
          for (const file of Object.values<string>({ ...filesOf('/models', name) }))
            expect(path.dirname(path.resolve(file))).toBe('/models');
      }
      if (!isModelName(one) || !isModelName(other) || one === other) return;
      const files = [filesOf('/models', one), filesOf('/models', other)].flatMap((each) => Object.values<string>({ ...each }));
      expect(new Set(files).size).toBe(files.length);
    }),
  );
});

test('the default name of a model is the file name of its address without invalid characters', () => {
  const named = (address: string): string => nameIn(parseAddress(address));
  expect(named('https://example.org/a/qwen3-8b-Q4_K_M.gguf?download=true')).toBe('qwen3-8b-Q4_K_M');
  expect(named('https://example.org/a/my%20model.GGUF')).toBe('my-model');
  expect(named('https://example.org/a/100%.gguf')).toBe('100-');
  expect(named('/home/maja/.hidden.gguf')).toBe('hidden');
  expect(named('https://example.org/')).toBe('');
});

test('an address without a file name needs a name', async () => {
  using test = testStore();
  const download = watch(test.store, { source: 'http://127.0.0.1:9/' });
  await expect(download.model).rejects.toMatchObject({ code: 'invalid_input' });
  await expect(download.model).rejects.toThrow('http://127.0.0.1:9/ ends without a file name: give the model one with --name');
  await expect(watch(test.store, { source: TINY_FILE, name: '../x' }).model).rejects.toThrow("'../x' cannot name a model");
});

test('a model whose file is missing or has changed can still be deleted', async () => {
  using test = testStore();
  for (const spoil of [(file: string) => fs.rmSync(file), (file: string) => fs.truncateSync(file, 10)]) {
    const file = fileWith(elsewhere(test.modelsDir), 'bee.gguf');
    const model = await watch(test.store, { source: file }).model;
    spoil(model.path);
    await test.store.remove('bee');
    expect(test.files()).toEqual([]);
    await expect(test.store.get('bee')).rejects.toMatchObject({ code: 'model_not_found' });
  }
});

test('a model in use is not deleted', async () => {
  using test = testStore();
  const file = fileWith(elsewhere(test.modelsDir), 'bee.gguf');
  const model = await watch(test.store, { source: file }).model;
  const inUse = (path: string) => {
    throw new TypeError(`${path} is in use`);
  };
  await expect(test.store.remove('bee', inUse)).rejects.toThrow(`${model.path} is in use`);
  expect(await test.store.get('bee')).toEqual(model);
});

test('a file that cannot be read fails the download, and the error gives the reason', async () => {
  using test = testStore();
  const loop = path.join(elsewhere(test.modelsDir), 'loop.gguf');
  fs.mkdirSync(path.dirname(loop), { recursive: true });
  fs.symlinkSync(loop, loop);
  const download = (source: string) => watch(test.store, { source, name: 'bee' }).model;
  await expect(download(loop)).rejects.toMatchObject({
    code: 'download_failed',
    message: expect.stringContaining('form a loop') as string,
  });
  await expect(download('/a\0.gguf')).rejects.toMatchObject({ code: 'download_failed' });
  await expect(download(`/${'a'.repeat(300)}.gguf`)).rejects.toMatchObject({ code: 'download_failed' });
  await expect(test.store.resolve(loop)).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(test.store.resolve(`/${'a'.repeat(300)}.gguf`)).rejects.toMatchObject({ code: 'model_not_found' });
  await expect(test.store.resolve('/a\0.gguf')).rejects.toMatchObject({ code: 'model_not_found' });
});

test('an address in place of a model name is refused, and the error contains no secret', async () => {
  using test = testStore();
  const address = 'http://bee:honey@hive.example/m.gguf?token=nectar';
  for (const refused of [test.store.resolve(address), test.store.get(address), test.store.remove(address)]) {
    const error: unknown = await refused.catch((cause: unknown) => cause);
    expect(String(error)).toContain('http://hive.example/m.gguf');
    expect(String(error)).not.toMatch(/honey|nectar/);
  }
});
