import type { Device, GpuProbe } from '../../contract/index.ts';
import { graphicsCards, vulkanDrivers } from '../../daemon/index.ts';
import { takenBytes, type Running } from './running.ts';
import type { AskEngine } from './probe.ts';

/** Other programs change the free memory too. */
const FRESH_MS = 60_000;
/** Probes again after a machine was too busy to answer in time. */
const FRUITLESS_MS = 120_000;
/** As many as the engine knows. */
const MOST_DEVICES = 16;

interface Found {
  /** The numbers that Vulkan gives them. */
  devices: number[];
  /** Whether these are all that the engine reported; no device at all never is. */
  isWhole: boolean;
}

interface Reading {
  /** Undefined when there was no answer. */
  probe: GpuProbe | undefined;
  at: number;
  /** The workers on it, and on the CPU where it shares the memory. */
  running: string;
}

/**
 * The GPUs that the engine can use through Vulkan, under the names that it gives them. A probe takes half a second of a core for each
 * device, so its result is kept for a while, or until a worker on that device has started or exited.
 */
export class VulkanGpus {
  readonly #ask: AskEngine;
  #drivers: string | undefined;
  #found: Promise<Found> = Promise.resolve({ devices: [], isWhole: false });
  #lookedAt = 0;
  readonly #readings = new Map<number, Promise<Reading>>();

  constructor(ask: AskEngine) {
    this.#ask = ask;
  }

  async list(running: readonly Running[]): Promise<Device[]> {
    const drivers = (await vulkanDrivers()).join();
    const former = await this.#found;
    const isOld = performance.now() - this.#lookedAt > FRUITLESS_MS && !former.isWhole;
    if (drivers !== this.#drivers || isOld) {
      const isOther = drivers !== this.#drivers;
      this.#drivers = drivers;
      this.#lookedAt = performance.now();
      this.#found = this.#find().then((found) => (isOther || found.devices.length > former.devices.length ? found : former));
    }
    const { devices } = await this.#found;
    const gpus = await Promise.all(devices.map((device) => this.#read(device, running)));
    return gpus.filter((gpu) => gpu !== undefined);
  }

  /**
   * The devices that the engine would choose: no CPU that emulates a GPU, and each GPU once, even if two drivers offer it. Or those of
   * GGML_VK_VISIBLE_DEVICES.
   */
  async #find(): Promise<Found> {
    const given = process.env['GGML_VK_VISIBLE_DEVICES'];
    if (given !== undefined && /^\d+(,\d+)*$/.test(given)) return { devices: given.split(',').map(Number), isWhole: true };
    const taken = [...((await this.#ask({ worker: 'vulkan' }))?.names ?? [])];
    const devices: number[] = [];
    for (let device = 0; device < MOST_DEVICES && taken.length > 0; device += 1) {
      const [name] = (await this.#ask({ worker: 'vulkan', device }))?.names ?? [];
      if (name === undefined) break;
      const at = taken.indexOf(name);
      if (at === -1) continue;
      taken.splice(at, 1);
      devices.push(device);
    }
    return { devices, isWhole: devices.length > 0 && taken.length === 0 };
  }

  async #read(device: number, running: readonly Running[]): Promise<Device | undefined> {
    let reading = await this.#readings.get(device);
    const isShared = reading?.probe?.unified === true;
    const isOfIt = (each: Running) => (each.worker === 'vulkan' && each.device === device) || (isShared && each.worker === 'cpu');
    const here = running.filter(isOfIt);
    const now = here.map(({ id, state }) => `${id} ${state}`).join();
    if (reading?.running !== now || performance.now() - reading.at > FRESH_MS) {
      const measuring = this.#measure(device, now);
      this.#readings.set(device, measuring);
      reading = await measuring;
    }
    if (reading.probe === undefined) return undefined;
    const { names, memory_bytes, unified } = reading.probe;
    const [name = 'GPU'] = names;
    // Some drivers report all memory as free.
    const leftBytes = memory_bytes - takenBytes(running, { worker: 'vulkan', device });
    const memory_free_bytes = Math.max(0, Math.min(reading.probe.memory_free_bytes, leftBytes));
    return { worker: 'vulkan', device, name, memory_bytes, memory_free_bytes, usable: true, ...(unified ? { unified } : {}) };
  }

  async #measure(device: number, running: string): Promise<Reading> {
    const at = performance.now();
    return { probe: await this.#ask({ worker: 'vulkan', device }), at, running };
  }
}

/** Cards that the engine cannot use because the engine for them or their Vulkan driver is not installed. */
export async function unseenGpus(): Promise<Device[]> {
  const cards = await graphicsCards();
  return cards.map(({ name, memoryBytes, usedBytes }, device) => ({
    worker: 'vulkan',
    device,
    name,
    memory_bytes: memoryBytes,
    memory_free_bytes: Math.max(0, memoryBytes - usedBytes),
    usable: false,
  }));
}
