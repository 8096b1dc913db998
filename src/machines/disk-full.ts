/** Whether the C library's message, with LC_ALL=C, reports a full disk or an exceeded quota. */
export function reportsFullDisk(words: string): boolean {
  return /no space left|quota/i.test(words);
}
