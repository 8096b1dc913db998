import * as z from 'zod';

/** A GPU that something of ours can compute with. */
export interface Gpu {
  name: string;
  /** What computes with it. */
  engine: 'cuda' | 'vulkan' | 'metal';
  /** What is missing there before it can, the first of it: its driver, its device in /dev, or the right to use that. */
  lacks?: 'driver' | 'device' | 'access';
}

/** As the machine's script says it. */
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
  /** Names, as nvidia-smi knows them. */
  nvidia: z.array(text).max(atMost),
  apple: z.array(text).max(atMost),
  /** Those that the kernel knows, of the vendors whose names we know. */
  card: z.array(card).max(atMost),
  vulkan_loader: z.literal(['yes', 'no']),
  /** Files that tell the loader of a driver: 'radeon_icd.x86_64.json'. */
  vulkan_driver: z.array(text).max(atMost),
};

type GpuFacts = { [Key in keyof typeof gpuFacts]: z.output<(typeof gpuFacts)[Key]> };
type Card = z.output<typeof card>;

interface Vendor {
  name: string;
  engine: 'cuda' | 'vulkan';
  /** Of its Vulkan drivers: Mesa's, and the vendor's own. Others may be there for another card, or compute on the CPU. */
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
  // Nvidia-smi has named those that have their driver.
  if (vendor.engine === 'cuda') return facts.nvidia.length > 0 ? undefined : { ...gpu, lacks: 'driver' };
  const lacks = lacking(found, vendor, facts);
  return lacks === undefined ? gpu : { ...gpu, lacks };
}

/** It computes no faster than the CPU that it is a part of. A card has a bus of its own. */
function isIntegratedIntel({ id, slot }: Card): boolean {
  return id.startsWith('8086:') && /^[0-9a-f]{4,}:00:/.test(slot);
}

function lacking({ access }: Card, { driver }: Vendor, facts: GpuFacts): Gpu['lacks'] {
  if (access === 'absent') return 'device';
  if (facts.vulkan_loader === 'no' || !facts.vulkan_driver.some((file) => driver.test(file))) return 'driver';
  return access === 'closed' ? 'access' : undefined;
}

/** 'Navi 21 [Radeon RX 6800]' is a chip and, in brackets, what is sold; 'Device 73bf' is one that the list of names is too old for. */
function nameOf({ id, words }: Card, vendor: Vendor): string {
  const name = /\[([^\]]+)\]$/.exec(words)?.[1] ?? words;
  if (name === '' || /^Device [0-9a-f]{4}$/.test(name)) return `${vendor.name} GPU ${id}`;
  return name.startsWith(vendor.name) ? name : `${vendor.name} ${name}`;
}
