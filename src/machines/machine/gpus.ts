import * as z from 'zod';

/** A GPU that an engine of rbee can use. */
export interface Gpu {
  name: string;
  /** The engine for it. */
  engine: 'cuda' | 'vulkan' | 'metal';
  /** The first thing that is missing there: its driver, its device in /dev, or access to the device. */
  lacks?: 'driver' | 'device' | 'access';
}

/** A line of the machine's script. */
const card = z
  .string()
  .regex(/^[0-9a-f]{4}:[0-9a-f]{4} \S+ (open|closed|absent)( .*)?$/)
  .transform((line) => {
    const [id = '', slot = '', access, ...words] = line.split(' ');
    return { id, slot, access, words: words.join(' ').trim() };
  });

const atMost = 64;
const text = z.string().max(1024);

/** The lines of the machine's script that are about GPUs. */
export const gpuFacts = {
  /** Names, from nvidia-smi. */
  nvidia: z.array(text).max(atMost),
  apple: z.array(text).max(atMost),
  /** Cards that the kernel knows, of AMD, Intel and NVIDIA. */
  card: z.array(card).max(atMost),
  vulkan_loader: z.literal(['yes', 'no']),
  /** Manifests of Vulkan drivers: 'radeon_icd.x86_64.json'. */
  vulkan_driver: z.array(text).max(atMost),
};

type GpuFacts = { [Key in keyof typeof gpuFacts]: z.output<(typeof gpuFacts)[Key]> };
type Card = z.output<typeof card>;

interface Vendor {
  name: string;
  engine: 'cuda' | 'vulkan';
  /** Names of its Vulkan drivers, Mesa's and the vendor's own. Others belong to another card, or compute on the CPU. */
  driver: RegExp;
}

const VENDORS: Readonly<Record<string, Vendor | undefined>> = {
  '1002': { name: 'AMD', engine: 'vulkan', driver: /radeon|amd/ },
  '8086': { name: 'Intel', engine: 'vulkan', driver: /intel/ },
  '10de': { name: 'NVIDIA', engine: 'cuda', driver: /nvidia/ },
};

export function gpusOf(facts: GpuFacts): Gpu[] {
  return [
    ...facts.nvidia.map((name): Gpu => ({ name, engine: 'cuda' })),
    ...facts.apple.map((name): Gpu => ({ name, engine: 'metal' })),
    ...facts.card.flatMap((each) => gpuOf(each, facts) ?? []),
  ];
}

function gpuOf(found: Card, facts: GpuFacts): Gpu | undefined {
  const vendor = VENDORS[found.id.slice(0, 4)];
  if (vendor === undefined || isIntegratedIntel(found)) return undefined;
  const gpu = { name: nameOf(found, vendor), engine: vendor.engine };
  // Cards with their driver are listed by nvidia-smi.
  if (vendor.engine === 'cuda') return facts.nvidia.length > 0 ? undefined : { ...gpu, lacks: 'driver' };
  const lacks = lacking(found, vendor, facts);
  return lacks === undefined ? gpu : { ...gpu, lacks };
}

/** Computes no faster than the CPU that it is part of. A separate card is not on bus 0. */
function isIntegratedIntel({ id, slot }: Card): boolean {
  return id.startsWith('8086:') && /^[0-9a-f]{4,}:00:/.test(slot);
}

function lacking({ access }: Card, { driver }: Vendor, facts: GpuFacts): Gpu['lacks'] {
  if (access === 'absent') return 'device';
  if (facts.vulkan_loader === 'no' || !facts.vulkan_driver.some((file) => driver.test(file))) return 'driver';
  return access === 'closed' ? 'access' : undefined;
}

/** 'Navi 21 [Radeon RX 6800]' is a chip and, in brackets, a product; 'Device 73bf' is a card that the machine's list of names lacks. */
function nameOf({ id, words }: Card, vendor: Vendor): string {
  const name = /\[([^\]]+)\]$/.exec(words)?.[1] ?? words;
  if (name === '' || /^Device [0-9a-f]{4}$/.test(name)) return `${vendor.name} GPU ${id}`;
  return name.startsWith(vendor.name) ? name : `${vendor.name} ${name}`;
}
