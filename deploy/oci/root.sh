#!/bin/sh
# The root folder of the image without a container engine: root.sh DIR [MIRROR]. Needs root, debootstrap, and a built
# checkout (node scripts/start.mjs --build-only). For systemd-nspawn, RootDirectory=, or to look into it.
# Packages and user are read from the Containerfile, so that there is one list.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
root=$1
mirror=${2:-}
packages=$(sed -n 's/.*apt-get install -y --no-install-recommends \(libuv1.*\) \\$/\1/p' "$here/Containerfile" | tr ' ' ',')
user=$(sed -n 's/^USER \([0-9]*\):.*/\1/p' "$here/Containerfile")
[ -n "$packages" ] && [ -n "$user" ]
debootstrap --variant=minbase --include="$packages" bookworm "$root" $mirror
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt "$root"/var/log/*.log
install -D -m 0755 "$top/build/native/server-stub/keeptake-server" "$root/usr/bin/keeptake-server"
mkdir -p "$root/usr/share/keeptake"
cp -r "$top/web/pages/studio/dist" "$root/usr/share/keeptake/studio"
install -d -m 0700 -o "$user" -g "$user" "$root/data"
