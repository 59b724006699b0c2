# shellcheck shell=bash
# The end-to-end tests run as an ordinary user. Sourced by the scripts that are started by hand.

E2E_USER=crossdock-e2e
# The variables that name the programs, and files that the scripts need beside themselves.
PROGRAMS=(CROSSDOCK CROSSDOCK_FIXTURES CROSSDOCK_VALIDATOR)
FILES=()

# require TOOL...: all tools, and the programs that the variables name, are there.
require() {
    local missing=() tool variable
    PATH=$PATH:/usr/sbin:/sbin
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    for variable in "${PROGRAMS[@]}"; do
        [[ -x ${!variable:-} ]] || missing+=("\$$variable")
    done
    ((${#missing[@]})) || return 0
    echo "not there: ${missing[*]}" >&2
    echo "0 passed, 1 failed"
    exit 1
}

# as_ordinary_user SCRIPT [ARGUMENT...]: root makes what only root can (debian.tar in the folder
# $cache), runs the script as $E2E_USER, and ends with its exit code. Others go on.
as_ordinary_user() {
    local script=$1 place code=0 variable programs=()
    shift
    ((EUID == 0)) || return 0
    "$here/debian.sh" "$cache"
    id "$E2E_USER" >/dev/null 2>&1 || useradd --create-home "$E2E_USER"
    # The checkout and its build folder may be closed to others.
    place=$(mktemp -d /var/tmp/crossdock-e2e.XXXXXX)
    cp -r "$here" "$place/e2e"
    ((${#FILES[@]} == 0)) || cp "${FILES[@]}" "$place/e2e/"
    for variable in "${PROGRAMS[@]}"; do
        cp "${!variable}" "$place/"
        programs+=("$variable=$place/$(basename "${!variable}")")
    done
    chown -R "$E2E_USER:" "$place"
    runuser -u "$E2E_USER" -- env CROSSDOCK_E2E_CACHE="$cache" \
        CROSSDOCK_E2E_DOCKER="${CROSSDOCK_E2E_DOCKER:-}" "${programs[@]}" \
        bash "$place/e2e/$script" "$@" || code=$?
    rm -rf --one-file-system "$place"
    exit "$code"
}

# run_parts PREFIX [PART...]: makes a work folder, runs the functions of these names (all without),
# and prints the sum. What they must not touch of the user's is out of their sight.
run_parts() {
    local prefix=$1 part parts=("${@:2}")
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/crossdock-e2e-run.XXXXXX")
    trap 'leave' EXIT
    cd "$work" || exit
    unset CROSSDOCK_ROOT SOURCE_DATE_EPOCH
    export XDG_DATA_HOME=$work/data
    export PYTHONDONTWRITEBYTECODE=1
    prepare
    ((${#parts[@]})) || mapfile -t parts < <(compgen -A function "$prefix" | sort)
    for part in "${parts[@]}"; do
        echo "== ${part#"$prefix"}"
        "$prefix${part#"$prefix"}"
    done
    summary
}

# leave: ends what the tests started and removes what they wrote.
leave() {
    stop_all
    [[ -z ${CROSSDOCK_E2E_KEEP:-} ]] || { echo "kept: $work"; return; }
    chmod -R u+rwX "$work" 2>/dev/null || true
    rm -rf "$work"
}
