/** 'hf.co/maker/model': a web address without its scheme. */
const HOST_AND_PATH = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}(:\d+)?\/\S/i;

/** The URL that was probably meant, for a text that is no URL and looks like no path; undefined for a path. */
export function meantUrl(text: string): string | undefined {
  return HOST_AND_PATH.test(text) ? `https://${text}` : undefined;
}
