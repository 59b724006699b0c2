#!/usr/bin/env bash
# Makes a minimal Debian as a tar: debian.sh FOLDER writes FOLDER/debian.tar, once. Needs root.
#
# The mirror is the one from which this host takes its packages.
set -euo pipefail

SUITE=bookworm
folder=${1:?usage: debian.sh FOLDER}
[[ ! -s $folder/debian.tar ]] || exit 0
((EUID == 0)) || {
    echo "debian.sh: debootstrap needs root; run it once as root for $folder" >&2
    exit 1
}

# The first address of a Debian archive in either format of apt's sources.
mirror() {
    local files=(/etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources)
    local file
    for file in "${files[@]}"; do
        [[ -f $file ]] || continue
        case $file in
        *.sources) sed -n 's/^URIs: *\([^ ]*\).*/\1/p' "$file" ;;
        *) sed -n 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' "$file" ;;
        esac
    done | grep -E '/debian/?$' | head -n 1
}

address=$(mirror)
[[ -n $address ]] || {
    echo "debian.sh: apt's sources name no Debian archive" >&2
    exit 1
}
mkdir -p "$folder"
root=$(mktemp -d "$folder/debian.XXXXXX")
trap 'rm -rf --one-file-system "$root" "$folder/debian.tar.new"' EXIT
chmod 755 "$root"
debootstrap --variant=minbase "$SUITE" "$root" "$address"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/proc/* "$root"/sys/*
# What minbase has no example of.
cp "$root/usr/bin/true" "$root/usr/local/bin/capable"
setcap cap_net_raw+ep "$root/usr/local/bin/capable"
setfattr -n user.comment -v 'an attribute' "$root/usr/local/bin/capable" || true
ln "$root/usr/bin/true" "$root/usr/local/bin/hard-link-to-true"
mknod -m 600 "$root/usr/local/device" c 5 1 || true
mkfifo -m 640 "$root/usr/local/fifo"
tar --xattrs --xattrs-include=security.capability --xattrs-include='user.*' --numeric-owner \
    --format=posix --pax-option=delete=atime,delete=ctime --sort=name \
    -C "$root" -cf "$folder/debian.tar.new" .
chmod 644 "$folder/debian.tar.new"
mv "$folder/debian.tar.new" "$folder/debian.tar"
