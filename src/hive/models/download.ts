import {
  formatBytes,
  JobError,
  parseModelReference,
  type HubReference,
  type JobEvent,
  type Model,
} from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { nameIn, parseAddress, withoutSecrets, type Address, type HttpAddress } from './address.ts';
import type { DownloadParts } from './download-parts.ts';
import { fetchInto } from './fetch-into.ts';
import { openFileSource } from './file-source.ts';
import { assertGgufSize } from './gguf.ts';
import { hubHosts } from './hub/endpoint.ts';
import { Meter } from './meter.ts';
import { partNumberOf } from './model-parts.ts';
import { PartFile, removePart, removeSidecar } from './part-file.ts';
import { rehash } from './rehash.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './source.ts';

export interface DownloadRequest {
  /** A model of the Hub, an http, https or file URL, or an absolute path on this machine. */
  source: string;
  /** The source's file name without .gguf when left out. */
  name?: string | undefined;
  /** 64 hexadecimal digits. A file with another digest is refused. */
  sha256?: string | undefined;
}

/** The checked request. */
interface Wanted {
  name: string;
  address: Address;
  sha256: string | undefined;
}

export async function* download(
  parts: DownloadParts,
  request: DownloadRequest,
  signal: AbortSignal,
): AsyncGenerator<JobEvent, Model, void> {
  const hub = hubReferenceOf(request.source);
  try {
    return hub === undefined ? yield* fromAddress(parts, request, signal) : yield* fromHub(parts, { ...request, hub }, signal);
  } catch (cause) {
    if (!signal.aborted) throw cause;
    const what = request.name ?? withoutSecrets(request.source);
    const sentence = `The download of '${what}' was cancelled. The part that has arrived is kept: run it again to continue.`;
    throw new JobError('cancelled', sentence, { cause });
  }
}

/** Undefined for a path, or an address elsewhere. @throws JobError invalid_input */
function hubReferenceOf(source: string): HubReference | undefined {
  const reference = parseModelReference(source, hubHosts());
  return reference.kind === 'hub' ? reference.hub : undefined;
}

/** Loaded for a download and not before, as below. */
async function* fromHub(
  parts: DownloadParts,
  request: DownloadRequest & { hub: HubReference },
  signal: AbortSignal,
): AsyncGenerator<JobEvent, Model, void> {
  const { pull } = await import('./hub/pull.ts');
  return yield* pull(parts, { ...request, sha256: request.sha256?.toLowerCase() }, signal);
}

async function* fromAddress(
  parts: DownloadParts,
  request: DownloadRequest,
  signal: AbortSignal,
): AsyncGenerator<JobEvent, Model, void> {
  const wanted = check(parts.shelf, request);
  const free = parts.writers.claim(wanted.name);
  try {
    signal.throwIfAborted();
    const present = await alreadyHere(parts.shelf, wanted);
    return present ?? (yield* fetchModel(parts, wanted, signal));
  } finally {
    free();
  }
}

/** @throws JobError invalid_input */
function check(shelf: Shelf, request: DownloadRequest): Wanted {
  const address = parseAddress(request.source);
  const name = request.name ?? nameIn(address);
  if (name === '')
    throw new JobError('invalid_input', `${address.label} ends without a file name: give the model one with --name`);
  assertWhole(address);
  if (address.id === shelf.filesOf(name).part) {
    throw new JobError('invalid_input', `${address.label} is the unfinished download of '${name}' itself: give its source`);
  }
  return { name, address, sha256: request.sha256?.toLowerCase() };
}

/** A part alone loads nothing, and an address does not tell the sizes and digests of the others. */
function assertWhole({ kind, label }: Address): void {
  const { part, parts } = partNumberOf(label) ?? {};
  if (part === undefined) return;
  const next =
    kind === 'file'
      ? 'its first part can be used in place, by its path'
      : 'models in parts are downloaded from the Hub, as org/repo:QUANT';
  throw new JobError('invalid_input', `${label} is part ${part} of a model in ${parts} parts, which is no model alone: ${next}`);
}

/** @throws JobError model_exists when another model has the name */
async function alreadyHere(shelf: Shelf, { name, address, sha256 }: Wanted): Promise<Model | undefined> {
  const occupant = await shelf.occupant(name);
  if (occupant === undefined) return undefined;
  const taken = `The name '${name}' is taken by the model '${occupant.model}'`;
  if (occupant.source === 'builtin') throw new JobError('model_exists', `${taken}, which is part of rbee`);
  if (occupant.model !== name)
    throw new JobError('model_exists', `${taken}: names must differ in more than upper and lower case`);
  if (occupant.source !== address.id) {
    throw new JobError('model_exists', `${taken}, which came from ${parseAddress(occupant.source).label}`);
  }
  if (sha256 !== undefined && occupant.sha256 !== sha256) {
    throw new JobError('model_exists', `${taken}, from the same address but with the sha256 ${occupant.sha256}`);
  }
  narrate('exists', `model ${name} is already downloaded`);
  return occupant;
}

async function* fetchModel(parts: DownloadParts, wanted: Wanted, signal: AbortSignal): AsyncGenerator<JobEvent, Model, void> {
  const { name, address, sha256 } = wanted;
  const { hiveId, shelf, disk, patience } = parts;
  const files = shelf.filesOf(name);
  const part = await PartFile.open(files, address.id);
  const share = disk.share(name);
  const source = address.kind === 'file' ? openFileSource(address, hiveId) : await openHttpSource(address, parts);
  let digest: string;
  try {
    yield* rehash(part, { name, meter: new Meter('verify') }, signal);
    yield* fetchInto({ name, source, part, share, signal, meter: new Meter('download', null, sha256), laterBytes: 0 }, patience);
    digest = part.digest();
    assertIntact({ address, sha256 }, { digest, sizeBytes: part.size });
    await part.becomeModel();
  } catch (cause) {
    // The next try would only complete a part that is wrong already; an empty one is useless.
    const isWrong = cause instanceof JobError && (cause.code === 'model_corrupt' || cause.code === 'checksum_mismatch');
    if (isWrong || part.size === 0) await removePart(files);
    throw isWrong ? cause : withWhatIsKept(cause, part.size);
  } finally {
    share.release();
    await part.close();
    await source.close();
  }
  const model = modelOf(wanted, { path: files.model, digest, sizeBytes: part.size });
  await shelf.put(model);
  await removeSidecar(files);
  narrate('ready', `downloaded ${name}: ${formatBytes(model.size_bytes)}, sha256 ${digest}`);
  return model;
}

/** Only if a part has arrived: after a wrong address there is nothing to continue. */
function withWhatIsKept(cause: unknown, sizeBytes: number): unknown {
  if (!(cause instanceof JobError) || cause.code !== 'download_failed' || sizeBytes === 0) return cause;
  const sentence = `${cause.message}. ${formatBytes(sizeBytes)} of it are kept; run it again to continue`;
  return new JobError(cause.code, sentence, { cause });
}

function modelOf({ name, address }: Wanted, file: { path: string; digest: string; sizeBytes: number }): Model {
  return {
    model: name,
    path: file.path,
    size_bytes: file.sizeBytes,
    sha256: file.digest,
    source: address.id,
    created_at: new Date().toISOString(),
  };
}

function assertIntact(wanted: Pick<Wanted, 'address' | 'sha256'>, file: { digest: string; sizeBytes: number }): void {
  const { label } = wanted.address;
  assertGgufSize(label, file.sizeBytes);
  if (wanted.sha256 === undefined || wanted.sha256 === file.digest) return;
  const sentence = `${label} is not the requested file: its sha256 is ${file.digest}, not ${wanted.sha256}`;
  throw new JobError('checksum_mismatch', sentence);
}

/** Loaded for a download and not before: the HTTP client is most of the hive's code, and costs its start a tenth of a second. */
async function openHttpSource(address: HttpAddress, parts: DownloadParts): Promise<Source> {
  const { HttpSource } = await import('./http-source.ts');
  return new HttpSource(address, parts);
}
