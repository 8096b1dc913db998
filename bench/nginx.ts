import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atTheEnd, temporaryFolder } from '../test/support/ending.ts';
import { freePorts } from '../test/support/swarm.ts';

const PROGRAMS = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'];
const START_DEADLINE_MS = 5_000;

export interface Nginx extends AsyncDisposable {
  port: number;
  /** Of its one worker process, which does all the work. */
  pid: number;
}

/** Undefined where it is not installed. */
export function nginxProgram(): string | undefined {
  return PROGRAMS.find((program) => existsSync(program));
}

/** An nginx of one worker process, which passes everything on to a port as fast as it can. */
export async function startNginx(program: string, upstreamPort: number): Promise<Nginx> {
  const folder = await temporaryFolder();
  const port = (await freePorts(1))[0] ?? 0;
  await mkdir(join(folder.path, 'logs'));
  await writeFile(join(folder.path, 'nginx.conf'), configuration(port, upstreamPort));
  const master = spawn(program, ['-p', folder.path, '-c', 'nginx.conf', '-e', 'logs/error.log'], { stdio: 'inherit' });
  // Not SIGKILL: the master then could not end its worker process.
  const end = () => master.kill('SIGTERM');
  const forget = atTheEnd(end);
  const ended = once(master, 'exit').then(forget);
  const pid = await workerProcessOf(master.pid ?? 0);
  return {
    port,
    pid,
    async [Symbol.asyncDispose]() {
      end();
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** What nginx's own manual says for streams: no buffering, HTTP/1.1 and kept connections upstream. */
function configuration(port: number, upstreamPort: number): string {
  return `
daemon off;
pid logs/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 10000;
events { worker_connections 8192; }
http {
  access_log off;
  upstream below { server 127.0.0.1:${upstreamPort}; keepalive 2048; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_requests 1000000;
    location / {
      proxy_pass http://below;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1;
      proxy_buffering off;
      proxy_read_timeout 1h;
    }
  }
}
`;
}

async function workerProcessOf(master: number): Promise<number> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    const [first] = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').split(' ');
    if (first) return Number(first);
    if (Date.now() > deadline) throw new Error('nginx did not start');
    await delay(20);
  }
}
