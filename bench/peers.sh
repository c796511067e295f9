#!/bin/sh
# bench/peers.sh [COMMAND...]: runs COMMAND (default: the benchmark) with its peers on a throw-away machine: a mount
# namespace whose root is an overlay on this one with a tmpfs above it, where apt installs them. Nothing of it stays but
# what COMMAND writes into this checkout. As root, on Debian, with network.
set -eu
checkout=$(cd "$(dirname "$0")/.." && pwd -P)
[ $# -gt 0 ] || set -- npm run bench -- --check

if [ -z "${OB_BENCH_ROOT:-}" ]; then
    root=$(mktemp -d)
    trap 'rmdir "$root"' EXIT
    OB_BENCH_ROOT=$root unshare -m --propagation private "$0" "$@"
    exit
fi

root=$OB_BENCH_ROOT
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/machine"
machine=$root/machine
mount -t overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" overlay "$machine"
for folder in proc sys dev; do mount --rbind "/$folder" "$machine/$folder"; done
mount --bind "$checkout" "$machine$checkout"
mount -t tmpfs -o mode=755 tmpfs "$machine/run"
cp -L /etc/resolv.conf "$machine/run/resolv.conf"
mkdir "$machine/old"
cd "$machine"
pivot_root . old
umount -l /old
mount --bind /run/resolv.conf /etc/resolv.conf

# Services that packages would start are for a machine that stays.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >&2
apt-get -qy install --no-install-recommends crun runc lxc systemd-container podman bubblewrap ansible-core \
    bridge-utils ifupdown procps >&2
if ! apt-get -qy install --no-install-recommends overlay-boot=1.6.4-1 >&2; then
    # Not in this release: the package alone from the one that has it, everything else stays as it is.
    package=$("$checkout/scripts/fetch-overlay-boot" "$(mktemp -d)")
    dpkg -i "$package" >&2
fi
cd "$checkout"
exec "$@"
