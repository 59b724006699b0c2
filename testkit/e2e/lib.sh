# shellcheck shell=bash
# What the parts of the end-to-end test have in common. Sourced by run.sh, in its work folder.

# A check at the end of a pipe has to count here.
shopt -s lastpipe

passed=0
failed=0
skipped=0
failures=()

# check NAME COMMAND...: counts as one test; shows the end of the output if the command fails.
check() {
    local name=$1
    shift
    if ("$@") >check.log 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "  ok      $name"
    else
        failed=$((failed + 1))
        failures+=("$name")
        echo "  FAILED  $name"
        tail -n "${CROSSDOCK_E2E_LINES:-12}" check.log | cut -c 1-400 | sed 's/^/    | /'
    fi
}

# skip NAME WHY: a check that cannot be made here.
skip() {
    skipped=$((skipped + 1))
    echo "  skipped $1: $2"
}

summary() {
    local name
    for name in "${failures[@]}"; do
        echo "failed: $name"
    done
    if ((skipped)); then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    ((failed == 0))
}

# What `start_registry` and others leave running.
started_pids=()

# stop_all: ends it.
stop_all() {
    local pid
    for pid in "${started_pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    started_pids=()
}

# make_context <Dockerfile: prints the name of a new folder with it and with two other files.
make_context() {
    local context
    context=$(mktemp -d context.XXXXXX)
    cat >"$context/Dockerfile"
    printf 'MZ program\n' >"$context/app.exe"
    printf 'text\n' >"$context/read me.txt"
    # Times of the context are not those of its making.
    find "$context" -exec touch -h -d @1700000000 {} +
    echo "$context"
}

# build STORE OUT PLATFORM [OPTION...] <Dockerfile: the image goes to the OCI layout OUT, tag latest.
# The output of the program is kept in OUT.log.
build() {
    local store=$1 out=$2 platform=$3 context
    shift 3
    context=$(make_context)
    local code=0
    timeout "${BUILD_LIMIT:-600}" "$CROSSDOCK" --root "$store" build --platform "$platform" -t t \
        --progress plain "$@" -o "type=oci-layout,dest=$out" "$context" >"$out.log" 2>&1 || code=$?
    rm -rf "$context"
    cat "$out.log"
    return "$code"
}

# digest LAYOUT: of the image's manifest.
digest() {
    python3 -c '
import json, sys
manifests = json.load(open(sys.argv[1] + "/index.json"))["manifests"]
assert len(manifests) == 1, manifests
print(manifests[0]["digest"])' "$1"
}

# same_digest A B...: all layouts have the same image.
same_digest() {
    local first other
    first=$(digest "$1")
    for other in "${@:2}"; do
        echo "$first $(digest "$other") $other"
        [[ $first == "$(digest "$other")" ]] || return 1
    done
}

# fails CODE TEXT COMMAND...: the command ends with that exit code and says something that matches.
fails() {
    local code=0 wanted=$1 text=$2
    shift 2
    "$@" >fails.log 2>&1 || code=$?
    cat fails.log
    [[ $code =~ ^$wanted$ ]] || { echo "exit code $code, not $wanted"; return 1; }
    grep -Eqi -- "$text" fails.log || { echo "nothing like $text"; return 1; }
}

compare() { python3 "$here/compare.py" "$@"; }
validate() { "$CROSSDOCK_VALIDATOR" layout "$@"; }

# image LAYOUT EXPRESSION: a Python expression on the documents `index`, `manifest` and `config`,
# which must be true.
image() {
    python3 - "$@" <<'PYTHON'
import json, sys
layout, expression = sys.argv[1:]
load = lambda path: json.load(open(f"{layout}/{path}"))
blob = lambda d: load("blobs/" + d["digest"].replace(":", "/"))
index = load("index.json")
entry = index["manifests"][0]
manifest = blob(entry)
config = blob(manifest["config"])
print(json.dumps({"entry": entry, "manifest": manifest, "config": config}, indent=1)[:4000])
assert eval(expression), expression
PYTHON
}
