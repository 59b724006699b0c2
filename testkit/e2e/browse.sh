#!/usr/bin/env bash
# Looking into images that other tools made, and completion in real shells.
#
#   CROSSDOCK=… CROSSDOCK_FIXTURES=… CROSSDOCK_VALIDATOR=… browse.sh [PART...]
#
# As run.sh: the variables name the programs, root goes on as an ordinary user, PARTs are functions
# that begin with `browse_`. CROSSDOCK_E2E_DOCKER is a folder with dockerd, docker and rootlesskit.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CROSSDOCK_E2E_CACHE:-/var/tmp/crossdock-e2e/cache}
# shellcheck source=testkit/e2e/user.sh
source "$here/user.sh"
require buildah containerd ctr docker-registry fish htpasswd man openssl python3 skopeo tar umoci zsh
as_ordinary_user browse.sh "$@"

for script in lib parts registries registry_parts reader_parts output_parts browse_parts; do
    # shellcheck source=/dev/null
    source "$here/$script.sh"
done

# Replaces that of parts.sh: clients find only what is made for them.
prepare() {
    echo "== images"
    export HOME=$work/home
    mkdir -p "$HOME" bin
    unset SSL_CERT_FILE SSL_CERT_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_RUNTIME_DIR \
        XDG_CONFIG_HOME HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
    # Shells and man call the program by its name.
    cp "$CROSSDOCK" bin/crossdock
    export PATH=$work/bin:$PATH CROSSDOCK_ROOT=$work/store
    "$CROSSDOCK_FIXTURES" windows-base win --files 600
    "$CROSSDOCK_FIXTURES" linux-base lin --packages 20
    "$CROSSDOCK_FIXTURES" layout-from-tar "$cache/debian.tar" debian --os linux --gzip
    WIN=oci-layout://$work/win
    LIN=oci-layout://$work/lin
    DEBIAN=oci-layout://$work/debian
}

run_parts browse_ "$@"
