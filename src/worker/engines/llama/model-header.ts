import { readGgufFileInfo as read, type GgufFileInfo } from 'node-llama-cpp';

type Options = Parameters<typeof read>[1];

let kept: { path: string; header: GgufFileInfo } | undefined;

/** Reads a model's header, and keeps it until the model is loaded. */
export async function readHeader(path: string, options: Options): Promise<GgufFileInfo> {
  const header = await read(path, options);
  kept = { path, header };
  return header;
}

/**
 * The build puts this in the place of node-llama-cpp's function of the same name where it loads a model. That would read the header a
 * second time, with all of a vocabulary of a hundred thousand tokens.
 */
export async function readGgufFileInfo(path: string, options: Options): Promise<GgufFileInfo> {
  const known = kept;
  kept = undefined;
  return known?.path === path ? known.header : read(path, options);
}
