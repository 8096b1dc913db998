/** What the scripts that install, start and remove a hive call. GNU, BSD and BusyBox have all of them. */
export const TOOLS =
  'awk basename cat chmod date df du env grep gzip head ln ls mkdir mv readlink rm rmdir sed sleep tar tr uname wc'.split(' ');

/** Of a kit, unpacked, and its largest archive; the engines of GPUs need more, and install asks for exactly what its kit takes. */
export const ROOM_BYTES = 300 * 1000 ** 2;
