#!/usr/bin/env bash
# The whole program on real images: a Debian made by debootstrap, a Windows image of the fixtures.
#
#   CROSSDOCK=… CROSSDOCK_FIXTURES=… CROSSDOCK_VALIDATOR=… testkit/e2e/run.sh [PART...]
#
# The variables name the programs. CROSSDOCK_E2E_CACHE is a folder that is kept between runs and
# holds `debian.tar`; as root the script makes that (debian.sh) and goes on as the ordinary user
# crossdock-e2e. PARTs are names of the functions below that begin with `part_`; all without.
# Prints one line for each check, at the end their number, and fails if one of them did.
set -euo pipefail

need=(debootstrap getfattr python3 setcap skopeo tar umoci zstd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CROSSDOCK_E2E_CACHE:-/var/tmp/crossdock-e2e/cache}
E2E_USER=crossdock-e2e

missing=()
PATH=$PATH:/usr/sbin:/sbin
for tool in "${need[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
for variable in CROSSDOCK CROSSDOCK_FIXTURES CROSSDOCK_VALIDATOR; do
    [[ -x ${!variable:-} ]] || missing+=("\$$variable")
done
if ((${#missing[@]})); then
    echo "not there: ${missing[*]}" >&2
    echo "0 passed, 1 failed"
    exit 1
fi

if ((EUID == 0)); then
    "$here/debian.sh" "$cache"
    id "$E2E_USER" >/dev/null 2>&1 || useradd --system --create-home "$E2E_USER"
    # The checkout and its build folder may be closed to others.
    place=$(mktemp -d /var/tmp/crossdock-e2e.XXXXXX)
    trap 'rm -rf --one-file-system "$place"' EXIT
    cp -r "$here" "$place/e2e"
    cp "$CROSSDOCK" "$CROSSDOCK_FIXTURES" "$CROSSDOCK_VALIDATOR" "$place/"
    chown -R "$E2E_USER:" "$place"
    code=0
    runuser -u "$E2E_USER" -- env CROSSDOCK_E2E_CACHE="$cache" \
        CROSSDOCK="$place/${CROSSDOCK##*/}" \
        CROSSDOCK_FIXTURES="$place/${CROSSDOCK_FIXTURES##*/}" \
        CROSSDOCK_VALIDATOR="$place/${CROSSDOCK_VALIDATOR##*/}" \
        bash "$place/e2e/run.sh" "$@" || code=$?
    exit "$code"
fi

# shellcheck source=lib.sh
source "$here/lib.sh"
# shellcheck source=parts.sh
source "$here/parts.sh"
# shellcheck source=interrupt.sh
source "$here/interrupt.sh"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/crossdock-e2e-run.XXXXXX")
trap 'chmod -R u+rwX "$work" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
unset CROSSDOCK_ROOT SOURCE_DATE_EPOCH
export XDG_DATA_HOME=$work/data
export PYTHONDONTWRITEBYTECODE=1

prepare
parts=("$@")
((${#parts[@]})) || mapfile -t parts < <(compgen -A function part_ | sort)
for part in "${parts[@]}"; do
    echo "== ${part#part_}"
    "part_${part#part_}"
done
summary
