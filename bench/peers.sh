#!/bin/sh
# bench/peers.sh [COMMAND...]: runs COMMAND (default: the benchmark) with its peers on a throw-away machine: a mount
# namespace whose root is a copy of what this one's system is made of (in TMPDIR; some GB), where apt installs them. Nothing of
# it stays but what COMMAND writes into this checkout. As root, on Debian, with network.
#
# A copy, as an overlay on the machine's root could not be shown with other owners (see `userns`), and has one layer more.
set -eu
checkout=$(cd "$(dirname "$0")/.." && pwd -P)
[ $# -gt 0 ] || set -- npm run bench -- --check

case $(readlink -f "$(command -v node)") in
/usr/*) ;;
*) echo 'bench/peers.sh: node has to be in /usr, which is copied' >&2 && exit 1 ;;
esac

if [ -z "${OB_BENCH_ROOT:-}" ]; then
    root=$(mktemp -d)
    trap 'rm -rf --one-file-system "$root"' EXIT
    trap 'exit 130' INT TERM
    OB_BENCH_ROOT=$root unshare -m --propagation private "$0" "$@"
    exit
fi

machine=$OB_BENCH_ROOT
# It becomes the root, which has to be a mount.
mount --bind "$machine" "$machine"
chmod 755 "$machine"
echo 'copying the system' >&2
tar -C / --one-file-system --anchored --exclude=var/cache --exclude=var/tmp --exclude="${checkout#/}" -cf - \
    $(cd / && ls -d bin sbin lib* usr etc var root/.bashrc root/.profile) | tar -C "$machine" -xpf -
for folder in /*; do
    [ ! -d "$folder" ] || mkdir -p -m "$(stat -c %a "$folder")" "$machine$folder"
done
mkdir -p -m 1777 "$machine/var/tmp"
chmod 700 "$machine/root"
mkdir -p "$machine/var/cache/apt/archives/partial" "$machine/old" "$machine$checkout"
for folder in proc sys dev; do mount --rbind "/$folder" "$machine/$folder"; done
mount --bind "$checkout" "$machine$checkout"
# The start-up snapshot is for the very node that has made it: here that is another file.
mkdir -p "$checkout/dist" "$machine/dist"
mount --bind "$machine/dist" "$machine$checkout/dist"
mount -t tmpfs -o mode=755 tmpfs "$machine/run"
cp -L /etc/resolv.conf "$machine/run/resolv.conf"
cd "$machine"
pivot_root . old
umount -l /old
mount --bind /run/resolv.conf /etc/resolv.conf
# That folder is on the machine outside.
unset TMPDIR

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
scripts/build >&2
exec "$@"
