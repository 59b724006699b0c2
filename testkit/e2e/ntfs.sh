#!/usr/bin/env bash
# Folders on volumes of NTFS: files of images lie there as Windows has them, and come back as they were.
#
#   CROSSDOCK=… CROSSDOCK_FIXTURES=… CROSSDOCK_VALIDATOR=… ntfs.sh [PART...]
#
# As run.sh, but root stays root: only root mounts. PARTs are functions that begin with `ntfs_`. The
# volumes are files that ntfs-3g mounts; CROSSDOCK_HOST_TESTS, if it is set, is the test program of the
# crate host, whose tests for volumes run too.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=testkit/e2e/user.sh
source "$here/user.sh"
require mkfs.ntfs mount.ntfs-3g python3 runuser truncate umount
if ((EUID != 0)); then
    echo "ntfs.sh: only root mounts volumes; start it as root" >&2
    echo "0 passed, 1 failed"
    exit 1
fi
if ! : <>/dev/fuse; then
    echo "ntfs.sh: /dev/fuse cannot be opened, so no volume can be mounted; load the kernel's module fuse" >&2
    echo "0 passed, 1 failed"
    exit 1
fi

# shellcheck source=testkit/e2e/lib.sh
source "$here/lib.sh"
# shellcheck source=testkit/e2e/ntfs_parts.sh
source "$here/ntfs_parts.sh"

run_parts ntfs_ "$@"
