import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atTheEnd, temporaryFolder } from '../../test/support/ending.ts';
import { freePorts } from '../../test/support/swarm.ts';
import type { ChatApi } from '../chat-socket.ts';
import { nginxProgram, startNginx } from '../nginx.ts';

/** A program between clients and a server that speaks OpenAI's chat. */
export interface Gateway extends AsyncDisposable {
  port: number;
  pid: number;
  chat: ChatApi;
}

export interface GatewayKind {
  name: string;
  /** Whether it parses what passes: nginx does not. */
  isGateway: boolean;
  isInstalled: boolean;
  /** How to install it. */
  install: string;
  start(upstreamPort: number): Promise<Gateway>;
}

/** Beside dist/, and ignored by git as that is. */
const peers = join(dirname(import.meta.dirname), 'dist.peers');
const portkey = join(peers, 'portkey', 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
const litellm = join(peers, 'litellm', 'bin', 'litellm');
const nginx = nginxProgram();

const PATH = '/v1/chat/completions';
export const MODEL = 'model-0';
const START_DEADLINE_MS = 120_000;

export const gatewayKinds: GatewayKind[] = [
  {
    name: 'nginx',
    isGateway: false,
    isInstalled: nginx !== undefined,
    install: 'apt-get install nginx-light',
    start: async (upstreamPort) => ({
      ...(await startNginx(nginx ?? '', upstreamPort)),
      chat: { path: PATH, model: MODEL, headers: {} },
    }),
  },
  {
    name: 'Portkey',
    isGateway: true,
    isInstalled: existsSync(portkey),
    // With a later node-server, its streams fail: "TypeError: immutable".
    install:
      "mkdir -p dist.peers/portkey && cd dist.peers/portkey && npm init -y && npm pkg set 'overrides[@hono/node-server]=1.13.8' && " +
      'npm install --ignore-scripts --legacy-peer-deps @portkey-ai/gateway',
    start: startPortkey,
  },
  {
    name: 'LiteLLM',
    isGateway: true,
    isInstalled: existsSync(litellm),
    install: "python3 -m venv dist.peers/litellm && dist.peers/litellm/bin/pip install 'litellm[proxy]'",
    start: startLiteLlm,
  },
];

/** Each request says where it goes. */
async function startPortkey(upstreamPort: number): Promise<Gateway> {
  const [port = 0] = await freePorts(1);
  const headers = {
    authorization: 'Bearer none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
  };
  const running = run([process.execPath, portkey, `--port=${port}`, '--headless'], { NODE_ENV: 'production' });
  await Promise.race([answers(`http://127.0.0.1:${port}/`), running.failed]);
  return { ...running, port, chat: { path: PATH, model: MODEL, headers } };
}

/** As its manual says for production: no log of each request, one process. */
async function startLiteLlm(upstreamPort: number): Promise<Gateway> {
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder();
  const to = { model: `openai/${MODEL}`, api_base: `http://127.0.0.1:${upstreamPort}/v1`, api_key: 'none' };
  const configuration = {
    model_list: [{ model_name: MODEL, litellm_params: to }],
    litellm_settings: { telemetry: false, request_timeout: 600 },
  };
  // JSON is YAML.
  const file = join(folder.path, 'config.yaml');
  await writeFile(file, JSON.stringify(configuration));
  const key = `sk-${randomBytes(32).toString('hex')}`;
  const own = { LITELLM_MASTER_KEY: key, LITELLM_LOG: 'ERROR', LITELLM_MODE: 'PRODUCTION', LITELLM_LOCAL_MODEL_COST_MAP: 'True' };
  const running = run([litellm, '--config', file, '--host', '127.0.0.1', '--port', String(port), '--num_workers', '1'], own);
  await Promise.race([answers(`http://127.0.0.1:${port}/health/liveliness`), running.failed]);
  return {
    ...running,
    port,
    chat: { path: PATH, model: MODEL, headers: { authorization: `Bearer ${key}` } },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

interface Running extends AsyncDisposable {
  pid: number;
  /** Rejects when it exits. */
  failed: Promise<never>;
}

function run([program = '', ...args]: string[], own: Record<string, string>): Running {
  const child = spawn(program, args, { env: { ...process.env, ...own }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
  const end = () => child.kill('SIGKILL');
  const forget = atTheEnd(end);
  const ended = once(child, 'close').then(forget);
  const failed = ended.then(() => Promise.reject(new Error(`${program} exited: ${said}`)));
  failed.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    failed,
    async [Symbol.asyncDispose]() {
      end();
      await ended;
    },
  };
}

/** Resolves when it answers with any status. */
async function answers(url: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  for (;;) {
    const answered = await fetch(url, { headers: { connection: 'close' } }).then(
      (response) => response.arrayBuffer().then(() => true),
      () => false,
    );
    if (answered) return;
    if (Date.now() > deadline) throw new Error(`nothing answers at ${url}`);
    await delay(50);
  }
}
