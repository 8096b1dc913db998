import { readdir, readFile, readlink } from 'node:fs/promises';

const LISTENING = '0A';

export interface PortHolder {
  pid: number;
  name: string;
}

/**
 * The process that listens on a TCP port, where this user may see it. Linux only; undefined on other systems.
 * proc(5): /proc/net/tcp has the port and the socket's inode, /proc/PID/fd the sockets of each process.
 */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set((await Promise.all(['tcp', 'tcp6'].map((table) => listeningInodes(table, port)))).flat());
  if (inodes.size === 0) return undefined;
  for (const pid of (await namesIn('/proc')).filter((name) => /^\d+$/.test(name))) {
    const sockets = await Promise.all((await namesIn(`/proc/${pid}/fd`)).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)));
    if (sockets.some((socket) => inodes.has(/^socket:\[(\d+)\]$/.exec(socket)?.[1] ?? ''))) {
      return { pid: Number(pid), name: (await textOf(`/proc/${pid}/comm`)).trim() };
    }
  }
  return undefined;
}

/** Columns: number, local address (hex:port), remote address, state, …; the inode is the tenth. */
async function listeningInodes(table: string, port: number): Promise<string[]> {
  const rows = (await textOf(`/proc/net/${table}`)).split('\n').slice(1);
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(`:${hexPort}`) && columns[3] === LISTENING)
    .map((columns) => columns[9] ?? '');
}

// A process may exit at any time, or belong to another user: then its files cannot be read, and it is left out.

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function linkOf(path: string): Promise<string> {
  return readlink(path).catch(() => '');
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
