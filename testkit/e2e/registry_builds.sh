#!/usr/bin/env bash
# Builds from registries to registries, against Debian's docker-registry on this machine.
#
#   CROSSDOCK=… CROSSDOCK_FIXTURES=… CROSSDOCK_VALIDATOR=… registry_builds.sh [PART...]
#
# As run.sh: the variables name the programs, root goes on as an ordinary user, PARTs are functions
# that begin with `registry_`. CROSSDOCK_E2E_KILL_SECONDS is how long each command is killed again
# and again (20), CROSSDOCK_E2E_SEED when.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CROSSDOCK_E2E_CACHE:-/var/tmp/crossdock-e2e/cache}
# shellcheck source=testkit/e2e/user.sh
source "$here/user.sh"
require buildah containerd ctr docker-registry htpasswd openssl python3 skopeo umoci
as_ordinary_user registry_builds.sh "$@"

for script in lib parts registries registry_parts reader_parts kill_parts index_parts output_parts; do
    # shellcheck source=/dev/null
    source "$here/$script.sh"
done

# Replaces that of parts.sh: smaller images, and clients that find only what is made for them.
prepare() {
    echo "== images"
    small_images
}

run_parts registry_ "$@"
