/** Programs that the scripts call which install, start and remove a hive. GNU, BSD and BusyBox have all of them. */
export const TOOLS =
  'awk basename cat chmod date df du env grep gzip head ln ls mkdir mv readlink rm rmdir sed sleep tar tr uname wc'.split(' ');

/** A kit, unpacked, and its largest archive. GPU engines need more; an install checks the exact need of its kit. */
export const ROOM_BYTES = 300 * 1000 ** 2;
