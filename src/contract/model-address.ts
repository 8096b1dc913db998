/** 'hf.co/maker/model': begins as an address on the web does, but for its scheme. */
const HOST_AND_PATH = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}(:\d+)?\/\S/i;

/** The URL that was probably meant by what is neither one nor a path that anybody would write so; undefined where it is a path. */
export function meantUrl(text: string): string | undefined {
  return HOST_AND_PATH.test(text) ? `https://${text}` : undefined;
}
