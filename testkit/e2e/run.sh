#!/usr/bin/env bash
# The whole program on real images: a Debian made by debootstrap, a Windows image of the fixtures.
#
#   CROSSDOCK=… CROSSDOCK_FIXTURES=… CROSSDOCK_VALIDATOR=… testkit/e2e/run.sh [PART...]
#
# The variables name the programs. CROSSDOCK_E2E_CACHE is a folder that is kept between runs and
# holds `debian.tar`; as root the script makes that (debian.sh) and goes on as the ordinary user
# crossdock-e2e. PARTs are names of the functions of parts.sh that begin with `part_`; all without.
# Prints one line for each check, at the end their number, and fails if one of them did.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CROSSDOCK_E2E_CACHE:-/var/tmp/crossdock-e2e/cache}
# shellcheck source=testkit/e2e/user.sh
source "$here/user.sh"
require debootstrap getfattr python3 setcap skopeo tar umoci zstd
as_ordinary_user run.sh "$@"

# shellcheck source=testkit/e2e/lib.sh
source "$here/lib.sh"
# shellcheck source=testkit/e2e/parts.sh
source "$here/parts.sh"
# shellcheck source=testkit/e2e/interrupt.sh
source "$here/interrupt.sh"
run_parts part_ "$@"
