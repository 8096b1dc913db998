import { hive as hiveOf, JobError, LOCALHOST, LOOPBACK, transports, type Capabilities, type Hive } from '../../contract/index.ts';
import type { Catalog, Collection } from '../../jobs/index.ts';

/** What hints can print as one word of a command line. */
const HIVE_ID = /^[A-Za-z0-9_:][A-Za-z0-9._:%-]{0,63}$/;

/** Whether a new hive may have this id. */
export function isHiveId(id: string): boolean {
  return HIVE_ID.test(id);
}

/** @throws JobError invalid_input */
export function requireHiveId(id: string): void {
  if (isHiveId(id)) return;
  const rule = 'up to 64 letters, digits, dots, dashes and _ : %, not starting with a dot, dash or %';
  throw new JobError('invalid_input', `'${id}' cannot be the id of a hive: ${rule}`);
}

/** The hives of this fleet. The local one is there from the start; its port is this home's, not what was once stored. */
export class HiveCatalog {
  readonly #stored: Collection<Hive>;
  /** All of them in memory: they are listed at every change and for every status, and checking a thousand stored ones takes 0.1 s. */
  readonly #hives: Map<string, Hive>;
  readonly #localPort: number;
  readonly #onChange: () => void;

  constructor(catalog: Catalog, localPort: number, onChange: () => void) {
    this.#onChange = onChange;
    this.#stored = catalog.collection<Hive>('hives', [], asHive);
    this.#localPort = localPort;
    this.#hives = new Map(this.#upToDate().map((hive) => [hive.hive_id, hive]));
    const marks = catalog.collection<{ done: string }>('marks');
    // After a damaged catalog it is registered again, although it may have been deleted on purpose: nothing distinguishes the two.
    const isLost = catalog.losses > 0 && this.find(LOCALHOST) === undefined;
    if (marks.get('localhost_registered') !== undefined && !isLost) return;
    this.#store(localHive(localPort));
    marks.put('localhost_registered', { done: new Date().toISOString() });
  }

  list(): Hive[] {
    return [...this.#hives.values()].map((hive) => this.#withPort(hive));
  }

  find(id: string): Hive | undefined {
    const hive = this.#hives.get(id);
    return hive === undefined ? undefined : this.#withPort(hive);
  }

  /** @throws JobError hive_not_found */
  get(id: string): Hive {
    const hive = this.find(id);
    if (hive === undefined) throw new JobError('hive_not_found', `Hive '${id}' not found in configuration`);
    return hive;
  }

  /** @throws JobError hive_exists, invalid_input */
  add(hive: Hive): Hive {
    requireHiveId(hive.hive_id);
    if (this.find(hive.hive_id) !== undefined) throw hiveExists(hive.hive_id);
    return this.#put(hive);
  }

  addLocal(): Hive {
    return this.find(LOCALHOST) ?? this.add(localHive(this.#localPort));
  }

  move(id: string, place: { host: string; port: number }): Hive {
    return this.#put({ ...this.get(id), ...place });
  }

  /** With what an install, a start or a stop has found out. */
  change(id: string, change: Partial<Pick<Hive, 'transport' | 'host' | 'ssh' | 'port' | 'version' | 'stopped'>>): Hive {
    return this.#put({ ...this.get(id), ...change });
  }

  /** It was started, or a job needs it: it is no longer stopped on purpose. */
  wanted(id: string): Hive {
    const hive = this.get(id);
    return hive.stopped === true ? this.#put({ ...hive, stopped: false }) : hive;
  }

  record(id: string, capabilities: Capabilities): Hive {
    return this.#put({ ...this.get(id), capabilities, capabilities_at: new Date().toISOString() });
  }

  remove(id: string): void {
    this.get(id);
    this.#stored.delete(id);
    this.#hives.delete(id);
    this.#onChange();
  }

  /** Before there were other transports, a hive's record had only whether the queen starts it. */
  #upToDate(): Hive[] {
    return this.#stored.find().map((stored) => {
      const { managed, ...rest }: Hive & { managed?: boolean } = stored;
      if (managed === undefined) return stored;
      const hive: Hive = { ...rest, transport: managed ? 'local' : 'http' };
      this.#stored.put(hive.hive_id, hive);
      return hive;
    });
  }

  #put(hive: Hive): Hive {
    this.#store(hive);
    this.#onChange();
    return hive;
  }

  #store(hive: Hive): void {
    this.#stored.put(hive.hive_id, hive);
    this.#hives.set(hive.hive_id, hive);
  }

  #withPort(hive: Hive): Hive {
    return hive.transport === 'local' ? { ...hive, port: this.#localPort } : hive;
  }
}

/** What a hive's record needs in order to be of use. A former rbee had no transports, and other versions may have other capabilities. */
const storedHive = hiveOf.omit({ transport: true, capabilities: true, capabilities_at: true });

function asHive(value: object, key: string): Hive | undefined {
  const { transport, managed, capabilities, capabilities_at, ...rest } = value as Hive & { managed?: boolean };
  if (!storedHive.safeParse(rest).success || rest.hive_id !== key) return undefined;
  if (typeof managed !== 'boolean' && !transports.includes(transport)) return undefined;
  if (
    hiveOf.shape.capabilities.safeParse(capabilities).success &&
    hiveOf.shape.capabilities_at.safeParse(capabilities_at).success
  )
    return value as Hive;
  // They are read again from the hive.
  return { ...rest, transport, ...(managed === undefined ? {} : { managed }) };
}

function hiveExists(id: string): JobError {
  const next = `Choose another name, or forget it first: rbee hive delete ${id}`;
  return new JobError('hive_exists', `Hive '${id}' is registered already. ${next}`);
}

/** Over SSH, and started and stopped so, even where it is called directly. */
export function isInstalled({ ssh }: Hive): boolean {
  return ssh !== undefined;
}

/** Registered by its address: only its own machine starts and stops it. */
export function isUnmanaged(hive: Hive): boolean {
  return hive.transport === 'http' && !isInstalled(hive);
}

function localHive(port: number): Hive {
  return { hive_id: LOCALHOST, host: LOOPBACK, port, transport: 'local', created_at: new Date().toISOString() };
}
