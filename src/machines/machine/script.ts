import { ROOM_BYTES, TOOLS } from './needs.ts';

export const [BEGIN, END] = ['rbee-machine-begin', 'rbee-machine-end'];

/**
 * Reports the properties of a machine, one per line: `word=value`. One round trip, POSIX sh. It leaves nothing behind, although it has to
 * try whether files can be written to the home folder, whether a program runs there, and whether a quota allows a hive.
 * $1 is the root of the file system: empty over SSH, a folder in a test.
 *
 * A program that calls a driver has 8 s. If it hangs in the driver it cannot always be killed, and `timeout`, where that exists, would
 * wait for it; so its lines are read up to a mark, which follows when the program has exited or the time is over. A hanging program
 * must not keep this script's stderr open, as it would in `{ }` of dash: ssh waits until stderr is closed.
 */
export const MACHINE_SCRIPT = `
root=\${1-}
LC_ALL=C; export LC_ALL
PATH=$PATH:$root/usr/local/bin:$root/usr/sbin:$root/sbin:$root/usr/lib/wsl/lib
say() { printf '%s=%s\\n' "$1" "$(printf %s "$2" | tr '\\n' ' ')"; }
within() {
  (
    sleep 8 & patience=$!
    ( trap 'kill -9 "$asked"; wait "$asked"; exit' TERM; "$@" & asked=$!; wait "$asked"; kill "$patience" ) &
    wait "$patience"
    kill "$!"
    echo ${END}
  ) </dev/null 2>/dev/null | while read -r line && [ "$line" != ${END} ]; do printf '%s\\n' "$line"; done
}
echo ${BEGIN}
for tool in ${TOOLS.join(' ')}; do command -v "$tool" >/dev/null 2>&1 || printf 'lacks=%s\n' "$tool"; done
digests() { command -v sha256sum || command -v shasum || command -v openssl; }
digests >/dev/null 2>&1 || echo lacks=sha256sum
os=$(uname -s) arch=$(uname -m)
say os "$os"
say arch "$arch"
case $(getconf LONG_BIT 2>/dev/null) in 32) say bits 32 ;; *) say bits 64 ;; esac
if [ "$os" = Darwin ]; then say system "macOS $(sw_vers -productVersion 2>/dev/null)"
else say system "$(. "$root/etc/os-release" 2>/dev/null && printf %s "$PRETTY_NAME")"; fi
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
case $glibc in
glibc*) say libc "$glibc" ;;
*) if ls "$root"/lib/ld-musl-* >/dev/null 2>&1; then say libc musl; else say libc other; fi ;;
esac
if command -v apt-get >/dev/null 2>&1; then say packages apt; else say packages other; fi
say home "$HOME"
# ~/.rbee may be a link to another disk.
place=$HOME/.rbee
[ -d "$place" ] || place=$HOME
free=$(df -Pk "$place" 2>/dev/null | awk 'NR > 1 { print $4; exit }')
say disk_free_kib "\${free:-0}"
try=$place/.rbee-test.$$
if said=$({ mkdir "$try" && head -c 65536 /dev/zero >"$try/file" && printf '#!/bin/sh\n' >"$try/run" && chmod 700 "$try/run"; } 2>&1)
then
  say write yes
  if said=$("$try/run" 2>&1); then say run yes; else say run "\${said##*: }"; fi
  if [ "\${free:-0}" -gt ${Math.ceil((2 * ROOM_BYTES) / 1024)} ] && command -v fallocate >/dev/null 2>&1; then
    said=$(fallocate -l ${ROOM_BYTES} "$try/room" 2>&1) || case $said in *uota*|*space*) say room "\${said##*: }" ;; esac
  fi
else say write "\${said##*: }"; fi
rm -rf "$try" 2>/dev/null
say clock "$(date +%s)"
within nvidia-smi -L | while read -r line; do
  # Any other line is an error message.
  case $line in "GPU "*": "*" (UUID: "*) name=\${line#'GPU '*': '}; name=\${name%' (UUID: '*}; say nvidia "$name" ;; esac
done
if [ "$os/$arch" = Darwin/arm64 ]; then say apple "$(sysctl -n machdep.cpu.brand_string 2>/dev/null)"; fi
for card in "$root"/sys/class/drm/card*; do
  # The rest are its connectors: card0-HDMI-A-1.
  case \${card##*/} in card*[!0-9]*) continue ;; esac
  device=$(cd "$card/device" 2>/dev/null && pwd -P) || continue
  vendor=$(cat "$device/vendor" 2>/dev/null) id=$(cat "$device/device" 2>/dev/null) slot=\${device##*/} access=absent
  case $vendor in 0x1002 | 0x10de | 0x8086) ;; *) continue ;; esac
  for node in "$device"/drm/renderD*; do
    node=$root/dev/dri/\${node##*/}
    [ ! -e "$node" ] || access=closed
    if [ -r "$node" ] && [ -w "$node" ]; then access=open; break; fi
  done
  name=$(cat "$device/product_name" 2>/dev/null)
  [ -n "$name" ] || name=$(within lspci -mm -s "$slot" | cut -d '"' -f 6)
  say card "\${vendor#0x}:\${id#0x} $slot $access $name"
done
loader=no
# 64-bit libraries are those with a comma.
if ldconfig -p 2>/dev/null | grep -q 'libvulkan\\.so\\.1 (libc6,'; then loader=yes; fi
for folder in /usr/lib /usr/lib64 /usr/lib/x86_64-linux-gnu /usr/local/lib /lib /lib64 /lib/x86_64-linux-gnu; do
  [ ! -e "$root$folder/libvulkan.so.1" ] || loader=yes
done
say vulkan_loader "$loader"
for share in "$root/usr/share" "$root/usr/local/share" "$root/etc" "$HOME/.local/share"; do
  for manifest in "$share"/vulkan/icd.d/*.json; do [ ! -e "$manifest" ] || say vulkan_driver "\${manifest##*/}"; done
done
current=$(readlink "$HOME/.rbee/current" 2>/dev/null)
say installed "\${current##*/}"
say fleet "$(sed -n 1p "$HOME/.rbee/fleet" 2>/dev/null)"
[ ! -e "$HOME/.rbee/current" ] || say hive "$(sed -n 2p "$HOME/.rbee/fleet" 2>/dev/null)"
echo ${END}
`;
