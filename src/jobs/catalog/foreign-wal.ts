import * as fs from 'node:fs';

/** https://sqlite.org/fileformat2.html: the file's header, and that of its write-ahead log, whose frames hold one page each. */
const ID_OFFSET = 68;
const FILE_HEADER_BYTES = 100;
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/**
 * Whether the write-ahead log beside the file belongs to another catalog: SQLite would apply it, and overwrite the file. Detected by
 * the id that each catalog gets; not where one of the two has none, or where the log has no first page.
 */
export function hasForeignWal(file: string): boolean {
  const own = readAt(file, ID_OFFSET, 4);
  const header = readAt(`${file}-wal`, 0, WAL_HEADER_BYTES);
  if (own.length < 4 || header.length < WAL_HEADER_BYTES) return false;
  const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8);
  const idOfLog = idInFrames(`${file}-wal`, frameBytes);
  return idOfLog !== 0 && own.readUInt32BE(0) !== 0 && idOfLog !== own.readUInt32BE(0);
}

function idInFrames(wal: string, frameBytes: number): number {
  for (let offset = WAL_HEADER_BYTES; ; offset += frameBytes) {
    const frame = readAt(wal, offset, FRAME_HEADER_BYTES + FILE_HEADER_BYTES);
    if (frame.length < FRAME_HEADER_BYTES + FILE_HEADER_BYTES) return 0;
    if (frame.readUInt32BE(0) === 1) return frame.readUInt32BE(FRAME_HEADER_BYTES + ID_OFFSET);
  }
}

/** As many bytes as there are; none where there is no file. */
function readAt(file: string, offset: number, size: number): Buffer {
  if (!fs.existsSync(file)) return Buffer.alloc(0);
  const descriptor = fs.openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, size, offset));
  } finally {
    fs.closeSync(descriptor);
  }
}
