import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { actorOf, errorCodes, JobError, type Role } from './contract/index.ts';
import {
  bindFirstFree,
  ensureDirectory,
  homePaths,
  isAlive,
  MAX_LOG_BYTES,
  onShutdown,
  ownToken,
  pidfileKeeper,
  prepareHomeSecret,
  readPidfile,
  removePidfile,
  requireOwnToken,
  reportFailure,
  reportReady,
  reportStep,
  reservesOf,
  JobDiskSpace,
  watchHome,
  writePidfile,
  type HomePaths,
  type PortRange,
  type Reserve,
} from './daemon/index.ts';
import {
  bindServer,
  createJobServer,
  JobRegistry,
  KEPT_IN_MEMORY_JOBS_LIMIT,
  KEPT_JOBS_AGE_MS,
  KEPT_JOBS_LIMIT,
  openFileEventLog,
  openMemoryCatalog,
  openMemoryEventLog,
  openSetAside,
  openSqliteCatalog,
  requireTokenBeyondLoopback,
  spillingEventLog,
  type Catalog,
  type ServedRole,
} from './jobs/index.ts';
import { log, logAs, speaking, spoken } from './narration/index.ts';

export interface RoleLife {
  role: Role;
  /** Id of the hive or worker; 'queen' for the queen. */
  name: string;
  host: string;
  ports: PortRange;
  /** Whether its jobs outlive the process. */
  storage: 'disk' | 'memory';
  /** What its pidfile and its readiness say beside the usual. */
  extra: Record<string, unknown>;
  create(parts: { catalog: Catalog; port: number }): ServedRole;
}

/**
 * The life of every daemon: bind the port (the lock between two of them), open the home, answer, become ready, and on a
 * signal end in the reverse order. A failure on the way is reported to the process that started the daemon, and ends this one.
 * @throws JobError that failure, where the daemon was started by hand in a terminal
 */
export async function serveRole(life: RoleLife): Promise<void> {
  logAs(actorOf[life.role], ownLog(life));
  try {
    await start(life);
  } catch (cause) {
    const isKnown = cause instanceof JobError;
    const error = isKnown ? cause : new JobError('internal', `${describe(life)} could not start: ${String(cause)}`, { cause });
    const isTyped = process.send === undefined;
    // The command of a daemon that was started by hand prints its failure, as it prints every failure. Only the log has a bug's stack.
    if (!isTyped || !isKnown) log.fatal(isKnown ? { code: error.code } : { err: cause }, error.message);
    const left = await readPidfile(homePaths().run, life.role === 'worker' ? life.name : life.role);
    if (left.kind === 'found' && left.pidfile.pid === process.pid) await removePidfile(homePaths().run, left.pidfile);
    if (isTyped) throw error;
    await reportFailure(error.toWire(actorOf[life.role]));
    process.exit(errorCodes[error.code].exit);
  }
}

/** Undefined for a daemon that was started by hand: its log goes to stdout. */
function ownLog({ role, name }: RoleLife): { file: string; maxBytes: number } | undefined {
  const file = homePaths().logFile(role === 'worker' ? name : role);
  return process.send === undefined ? undefined : { file, maxBytes: MAX_LOG_BYTES };
}

async function start(life: RoleLife): Promise<void> {
  const { role, name, host, extra } = life;
  requireOwnToken();
  const token = ownToken();
  requireTokenBeyondLoopback(host, token);
  const bound = await bind(life);
  await requireAlone(life, bound.port);
  const paths = homePaths();
  const reserves = life.storage === 'disk' ? await openReserves(paths) : [];
  const { eventLog, catalog, kept, room, aside } = await openStorage(life);
  const served = life.create({ catalog, port: bound.port });
  const registry = new JobRegistry({
    actor: actorOf[role],
    handlers: speaking(actorOf[role], served.handlers),
    log: eventLog,
    catalog,
    logger: log,
    kept,
    room,
    aside,
    resume: served.resume && spoken(actorOf[role], served.resume),
  });
  const server = createJobServer({
    role,
    name,
    version: __RBEE_VERSION__,
    home: paths.homeId,
    bound,
    token,
    secretFile: await prepareHomeSecret(paths.secret),
    registry,
    findPeer: served.findPeer,
    logger: log,
  });
  served.addRoutes?.(server.routes);
  await served.prepare?.();
  registry.resume();
  await server.open();
  const own = { role, name: role === 'worker' ? name : role, host, port: bound.port, version: __RBEE_VERSION__ };
  // Before what takes long: a worker that is still loading when its hive dies must be found.
  const pidfile = await writePidfile(paths.run, { ...own, extra });
  let why = `${actorOf[role]} is shutting down`;
  let endWatch = () => {};
  let pidfileExtra = extra;
  onShutdown(async (signal) => {
    endWatch();
    log.info({ signal }, `${describe(life)} is shutting down`);
    await registry.close(why);
    await served.stop?.();
    // Before the port is free: after that, the pidfile may be a successor's.
    await removePidfile(paths.run, pidfile);
    await server.close();
    catalog.close();
  });
  endWatch = await watchHome({
    folders: life.storage === 'disk' ? [paths.run, paths.jobs(role)] : [paths.run],
    everyMs: HOME_LOOK_MS[role],
    onGone: (folder) => {
      why = `${describe(life)} ends: its folder ${folder} was deleted or moved while it was running`;
      log.fatal(why);
      process.kill(process.pid, 'SIGTERM');
    },
    onThere: pidfileKeeper(paths.run, () => ({ ...own, extra: pidfileExtra })),
  });
  const learned = { ...extra, ...(await served.start?.()) };
  pidfileExtra = learned;
  if (served.start !== undefined) await writePidfile(paths.run, { ...own, extra: learned });
  for (const reserve of reserves) reserve.keep();
  log.info({ host, port: bound.port, version: __RBEE_VERSION__ }, `${describe(life)} is ready on port ${bound.port}`);
  await reportReady({ port: bound.port, extra: learned });
}

/** How often a daemon looks for its home. The queen notices first, and then the hive: neither starts again what has ended for want of it. */
const HOME_LOOK_MS: Record<Role, number> = { queen: 1_000, hive: 2_000, worker: 5_000 };

/** Reports a full disk, and frees the reserve on it for this start. */
async function openReserves({ data, run }: HomePaths): Promise<Reserve[]> {
  const folders = await Promise.all([data, run].map(ensureDirectory));
  const reserves = reservesOf(folders);
  const full = reserves.filter((reserve) => reserve.releaseWhenFull());
  if (full.length > 0) {
    const human = `the disk is full (${full.map(({ root }) => root).join(', ')}): only what reads and what makes room works. Free some space there, or delete models: rbee model list, rbee model delete <model>`;
    log.warn({ action: 'disk_full' }, human);
    await reportStep({ kind: 'narration', data: { action: 'disk_full', human } });
  }
  return reserves;
}

async function bind(life: RoleLife): Promise<Awaited<ReturnType<typeof bindServer>>> {
  try {
    return await bindFirstFree(life.ports, (port) => bindServer(life.host, port));
  } catch (cause) {
    throw (await runsAlready(life)) ?? cause;
  }
}

/** For a daemon started by hand: the port may be in use by the daemon of this home, and not by another program. */
async function runsAlready({ role, ports }: RoleLife): Promise<JobError | undefined> {
  if (role === 'worker' || process.send !== undefined) return undefined;
  const read = await readPidfile(homePaths().run, role);
  if (read.kind !== 'found' || read.pidfile.port !== ports.first || !(await isAlive(read.pidfile))) return undefined;
  const sentence = `The ${role} of this home already runs on port ${ports.first} (pid ${read.pidfile.pid}).`;
  return new JobError('port_taken', sentence, { hint: `To run it in this terminal, stop it first: rbee ${role} stop` });
}

/** The port is the lock of a home. A second daemon with another port would share its catalog and its logs. */
async function requireAlone(life: RoleLife, port: number): Promise<void> {
  if (life.role === 'worker') return;
  const { run } = homePaths();
  const read = await readPidfile(run, life.role);
  if (read.kind !== 'found' || read.pidfile.port === port || !(await isAlive(read.pidfile))) return;
  const sentence = `A ${life.role} of this home is running already, on port ${read.pidfile.port} (pid ${read.pidfile.pid}), and not on ${port}`;
  throw new JobError('daemon_start_failed', sentence);
}

/** 'queen', "hive 'localhost'", 'worker-1a2b3c4d'. */
function describe({ role, name }: RoleLife): string {
  return role === 'hive' ? `hive '${name}'` : name;
}

async function openStorage({ role, storage }: RoleLife) {
  if (storage === 'memory') {
    const kept = { jobs: KEPT_IN_MEMORY_JOBS_LIMIT, ageMs: KEPT_JOBS_AGE_MS };
    return { eventLog: openMemoryEventLog(), catalog: openMemoryCatalog(), kept, room: undefined, aside: undefined };
  }
  const paths = homePaths();
  const aside = openSetAside({
    folder: paths.damaged,
    owner: role,
    report: (sentence) => log.error({ folder: paths.damaged }, sentence),
  });
  for (const folder of [dirname(paths.jobs(role)), paths.jobs(role)]) {
    if (!isOtherThanFolder(folder)) continue;
    aside.move(folder, basename(folder));
    aside.report(`${folder} is not a folder: it is set aside`);
  }
  await ensureDirectory(paths.jobs(role));
  const kept = { jobs: KEPT_JOBS_LIMIT, ageMs: KEPT_JOBS_AGE_MS };
  const room = new JobDiskSpace(paths.jobs(role));
  const eventLog = spillingEventLog(openFileEventLog(paths.jobs(role)), room);
  return { eventLog, catalog: openSqliteCatalog(join(paths.data, `${role}.db`), aside), kept, room, aside };
}

function isOtherThanFolder(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isDirectory();
}
