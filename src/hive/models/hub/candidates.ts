/** A file of a repository of the Hub. */
export interface HubFile {
  path: string;
  sizeBytes: number;
  /** Of its content; undefined for a small file that is stored in git itself. */
  sha256: string | undefined;
  /** Git's digest of the file, or of what stands for it in git. */
  oid: string;
}

/** A model of a repository, in one file or in several parts. */
export interface Candidate {
  /** What distinguishes it from the others of its repository: its quantization, else the name of its file without .gguf. */
  tag: string;
  /** In the order of its parts. */
  files: HubFile[];
  sizeBytes: number;
  /** How many parts the names of its files promise. Not all may be there. */
  parts: number;
}

/** What lies beside models and is none: projectors for images, importance matrices, drafters, adapters. */
const BESIDE = /mmproj|imatrix|mtp-|eagle3-|dflash-|dspark-|(?<![A-Za-z])(?:q?lora|adapter)(?![A-Za-z])/i;
const PART = /^(.+)-(\d{5})-of-(\d{5})\.gguf$/i;
/**
 * The quantizations of llama.cpp, and those that unsloth calls dynamic (UD). Longer names first: Q4_K is the beginning of Q4_K_M.
 * A letter or digit on either side belongs to another word.
 */
const QUANTIZATION =
  /(?<![A-Za-z0-9])(?:UD-)?(?:IQ[1-4]_(?:XXS|XS|S|M|NL)|Q4_0_[48]_[48]|Q[1-8]_[01]|Q[2-8]_K(?:_(?:XL|S|M|L))?|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16|F16|F32)(?![A-Za-z0-9])/gi;

/** The models among the files of a repository, the smallest first. */
export function candidatesOf(files: readonly HubFile[]): Candidate[] {
  const groups = new Map<string, { stem: string; group: HubFile[] }>();
  for (const file of files) {
    if (!/\.gguf$/i.test(file.path) || BESIDE.test(baseOf(file.path))) continue;
    const [, stem = file.path.replace(/\.gguf$/i, ''), , parts = ''] = PART.exec(file.path) ?? [];
    const key = `${stem} ${parts}`;
    groups.set(key, { stem, group: [...(groups.get(key)?.group ?? []), file] });
  }
  const all = [...groups.values()].map(({ stem, group }) => ({ group, tags: tagsOf(stem, group) }));
  const uses = new Map<string, number>();
  for (const tag of all.flatMap(({ tags }) => tags.map(upper))) uses.set(tag, (uses.get(tag) ?? 0) + 1);
  return all
    .map(({ group, tags }) => candidate(tags.find((tag) => uses.get(upper(tag)) === 1) ?? tags.at(-1) ?? '', group))
    .toSorted((one, other) => one.sizeBytes - other.sizeBytes || (one.tag < other.tag ? -1 : 1));
}

/** Whether all parts are there: a repository may still be uploading. */
export function isWhole({ files, parts }: Candidate): boolean {
  if (parts === 1) return files.length === 1;
  return files.length === parts && files.every(({ path }, index) => Number(PART.exec(path)?.[2]) === index + 1);
}

/** In upper case. In the name of the file, else in that of its folder: Q8_0/model-00001-of-00003.gguf */
export function quantizationIn(path: string): string | undefined {
  const folders = path.split('/');
  for (const part of folders.toReversed().slice(0, 2)) {
    const found = part.match(QUANTIZATION)?.at(-1);
    if (found !== undefined) return found.toUpperCase();
  }
  return undefined;
}

/** From the shortest to one that no other model has, also where only upper and lower case distinguish their files. */
function tagsOf(stem: string, [first]: readonly HubFile[]): string[] {
  const digest = (first?.sha256 ?? first?.oid ?? '').slice(0, 8);
  const tags = [quantizationIn(stem) ?? [], tagOf(baseOf(stem)), tagOf(stem), `${tagOf(stem).slice(0, 100)}-${digest}`];
  return [...new Map(tags.flat().map((tag) => [upper(tag), tag])).values()];
}

function upper(tag: string): string {
  return tag.toUpperCase();
}

function candidate(tag: string, group: readonly HubFile[]): Candidate {
  const files = group.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const parts = Number(PART.exec(files[0]?.path ?? '')?.[3] ?? 1);
  return { tag, files, parts, sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

function tagOf(stem: string): string {
  return stem
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9_]+$/g, '')
    .slice(0, 128)
    .replace(/^$/, 'model');
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
