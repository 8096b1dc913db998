/** A file of its own in dist/: a program whose compiled code was stored (src/entry/) cannot import a file itself. */
export const importModule = (specifier: string): Promise<unknown> => import(specifier);
