#!/usr/bin/env bash
# The Windows program under Wine, beside the Linux program of the same commit: what both make is
# equal byte for byte, what both say is equal, and a Windows program that is killed leaves a whole
# store.
#
#   CROSSDOCK=… CROSSDOCK_EXE=… CROSSDOCK_FIXTURES=… CROSSDOCK_VALIDATOR=… windows.sh [PART...]
#
# As run.sh: the variables name the programs (CROSSDOCK_EXE is crossdock.exe), root goes on as an
# ordinary user, PARTs are functions that begin with `wine_`. CROSSDOCK_E2E_KILL_SECONDS is how
# long each command is killed again and again (20), CROSSDOCK_E2E_SEED when.
# CROSSDOCK_E2E_NTFS is a folder on an NTFS volume in which this user may write; root mounts one.
#
# CONTRIBUTING.md, "What a pass under Wine proves", says what this proves and what not.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CROSSDOCK_E2E_CACHE:-/var/tmp/crossdock-e2e/cache}
# Debian keeps Wine's programs out of PATH.
PATH=$PATH:/usr/lib/wine
# shellcheck source=testkit/e2e/user.sh
source "$here/user.sh"
PROGRAMS+=(CROSSDOCK_EXE)
# It lies beside this script where that was copied.
dll_source=$here/bcryptprimitives.c
[[ -e $dll_source ]] || { dll_source=$here/../../.ci/wine/bcryptprimitives.c FILES+=("$dll_source"); }
require docker-registry git htpasswd openssl python3 skopeo wine64 wineserver64 x86_64-w64-mingw32-gcc
end_ntfs() {
    umount "$CROSSDOCK_E2E_NTFS" || true
    rm -rf --one-file-system "${CROSSDOCK_E2E_NTFS%/volume}"
}

# mount_ntfs: a volume in a file, for the user.
mount_ntfs() {
    local folder
    folder=$(mktemp -d /var/tmp/crossdock-e2e-ntfs.XXXXXX)
    trap end_ntfs EXIT
    export CROSSDOCK_E2E_NTFS=$folder/volume
    mkdir "$folder/volume"
    chmod 755 "$folder"
    truncate -s 1G "$folder/image"
    mkfs.ntfs -F -Q "$folder/image" >/dev/null 2>&1
    mount.ntfs-3g "$folder/image" "$folder/volume" \
        -o "uid=$(id -u "$E2E_USER"),gid=$(id -g "$E2E_USER"),umask=077"
}
if ((EUID == 0)) && command -v mkfs.ntfs mount.ntfs-3g >/dev/null && : 2>/dev/null <>/dev/fuse; then
    id "$E2E_USER" >/dev/null 2>&1 || useradd --create-home "$E2E_USER"
    mount_ntfs
fi
as_ordinary_user windows.sh "$@"

for script in lib parts registries registry_parts index_parts kill_parts windows_parts; do
    # shellcheck source=/dev/null
    source "$here/$script.sh"
done

# Replaces that of parts.sh: smaller images, and a Wine of its own.
prepare() {
    echo "== images and Wine"
    export WINEPREFIX=$work/wine WINEARCH=win64 WINEDEBUG=-all LANG=C.UTF-8 TZ=UTC
    # Without winedbg.exe=d a crashing program sometimes ends with 0.
    export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe=d;winedbg.exe=d'
    trap 'end_wine; leave' EXIT
    mkdir -p linux windows bin
    small_images
    LINUX_PROGRAM=$CROSSDOCK
    WINDOWS_PROGRAM=$work/bin/crossdock-windows
    # With `exec`, so that who kills it kills the program.
    printf '#!/bin/sh\nexec wine64 "%s" "$@"\n' "$CROSSDOCK_EXE" >"$WINDOWS_PROGRAM"
    chmod +x "$WINDOWS_PROGRAM"
    check 'Wine runs crossdock.exe' start_wine
}

start_wine() {
    local system32=$WINEPREFIX/drive_c/windows/system32
    mkdir -p "$WINEPREFIX"
    wine64 wineboot.exe -i
    # Wine 8 lacks it, and no Rust program starts without.
    [[ -e $system32/bcryptprimitives.dll ]] ||
        x86_64-w64-mingw32-gcc -shared -O2 -static-libgcc "$dll_source" -o "$system32/bcryptprimitives.dll" \
            -ladvapi32 || return
    # A server that stays makes commands start five times as fast. Wine's services are started by a
    # process whose pipes nobody waits for.
    wineserver64 -w
    setsid wineserver64 -p </dev/null >/dev/null 2>&1
    setsid wine64 cmd /c exit </dev/null >/dev/null 2>&1
    "$WINDOWS_PROGRAM" --version | tr -d '\r' >version.windows && cat version.windows &&
        "$LINUX_PROGRAM" --version | cmp - version.windows
}

# Ends what is started here and nothing else, as the server is the prefix's.
end_wine() { wineserver64 -k >/dev/null 2>&1 || true; }

run_parts wine_ "$@"
