import { formatBytes, JobError } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { layerBytes, layerNames, metered, type Kit, type LayerName } from '../kit/index.ts';
import type { Found } from './inspect.ts';
import { readReply, runScript, type HiveSite } from './site.ts';

/** A connection slower than this is too slow for a kit. */
const SLOWEST_BYTES_PER_MS = 30;
const UNPACK_DEADLINE_MS = 5 * 60_000;
/** One more try fixes a truncated or corrupted layer. */
const MAX_SENDS = 3;

/**
 * $1 digest, $2 bytes of it that are already there. They are copied to a new file: an old sender that has not noticed its closed connection
 * may still write to the old file at any time, also while it is unpacked.
 */
const RECEIVE = `
mkdir -p "$root/layers"
part=$root/layers/$1.part
if [ "$2" -eq 0 ]; then rm -f "$part"; else
  head -c "$2" "$part" >"$part.kept"
  [ "$(size_of "$part.kept")" -eq "$2" ] || { echo 'the partial file has changed meanwhile' >&2; exit 1; }
  mv -f "$part.kept" "$part"
fi
cat >>"$part"
`;

/**
 * $1 digest, $2 size, $3 its folder below ~/.rbee, $4 $5 the layers that a version links to.
 * The mark is written last, and the folder appears complete or not at all.
 */
const UNPACK = `
part=$root/layers/$1.part
have=$(size_of "$part")
if [ "$have" -lt "$2" ]; then echo "short $have"; exit 0; fi
if command -v sha256sum >/dev/null; then sum=$(sha256sum <"$part")
elif command -v shasum >/dev/null; then sum=$(shasum -a 256 <"$part")
else sum=$(openssl dgst -sha256 -r <"$part"); fi
if [ "\${sum%% *}" != "$1" ]; then rm -f "$part"; echo 'wrong yes'; exit 0; fi
new=$root/$3.new
rm -rf "$new"
mkdir -p "$new"
tar -xzf "$part" -C "$new"
if [ -n "$4" ]; then
  ln -s "../../layers/$4/node" "$new/node"
  ln -s "../../layers/$5/node_modules" "$new/node_modules"
fi
: >"$new/.verified"
rm -rf "$root/$3"
mv "$new" "$root/$3"
rm -f "$part"
echo 'unpacked yes'
`;

/** Sends the missing layers, each from where the last transfer stopped, and unpacks them. @throws JobError install_failed */
export async function transfer(site: HiveSite, kit: Kit, { missing }: Found): Promise<void> {
  for (const name of layerNames) {
    const have = missing[name];
    if (have !== undefined) await transferLayer(site, { kit, name, have });
  }
}

interface Parcel {
  kit: Kit;
  name: LayerName;
  /** Bytes of it that are already there. */
  have: number;
}

async function transferLayer(site: HiveSite, parcel: Parcel): Promise<void> {
  const { sizeBytes } = parcel.kit.layers[parcel.name];
  let have = parcel.have;
  for (let sends = 1; ; sends += 1) {
    if (have < sizeBytes) await send(site, { ...parcel, have });
    const reply = await unpack(site, parcel);
    if (reply.has('unpacked')) return;
    const short = reply.get('short');
    have = Number(short ?? 0);
    const why = short === undefined ? 'arrived corrupted' : `arrived only up to byte ${short}`;
    if (sends === MAX_SENDS) throw new JobError('install_failed', `The layer ${parcel.name} ${why}, ${MAX_SENDS} times in a row`);
    narrate('hive_install', `the layer ${parcel.name} ${why}: sending again`);
  }
}

async function send(site: HiveSite, { kit, name, have }: Parcel): Promise<void> {
  const layer = kit.layers[name];
  const left = layer.sizeBytes - have;
  narrate(
    'hive_install',
    `sending ${name}: ${formatBytes(left)}${have === 0 ? '' : `, after the ${formatBytes(have)} that are already there`}`,
  );
  await runScript(site, RECEIVE, {
    args: [layer.digest, String(have)],
    input: metered(layerBytes(layer, have), { action: 'hive_install', from: have, total: layer.sizeBytes }),
    withinMs: 60_000 + Math.ceil(left / SLOWEST_BYTES_PER_MS),
  });
}

async function unpack(site: HiveSite, { kit, name }: Parcel): Promise<Map<string, string>> {
  const { layers, folder } = kit;
  const { digest, sizeBytes } = layers[name];
  narrate('hive_install', `unpacking ${name}`, { detail: true });
  const place =
    name === 'rbee' ? [`versions/${folder}`, layers.runtime.digest, layers.engine.digest] : [`layers/${digest}`, '', ''];
  const args = [digest, String(sizeBytes), ...place];
  return readReply(await runScript(site, UNPACK, { args, withinMs: UNPACK_DEADLINE_MS }));
}
