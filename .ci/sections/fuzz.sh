# shellcheck shell=bash
# Every fuzz target for CROSSDOCK_FUZZ_SECONDS (20 if not set), starting from its seeds.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

export CROSSDOCK_FUZZ_SECONDS=${CROSSDOCK_FUZZ_SECONDS:-12}
# The same start every time: what fails here can be repeated, and a change is not blocked by luck.
export CROSSDOCK_FUZZ_SEED=${CROSSDOCK_FUZZ_SEED:-1}

stage 'build the fuzz targets' fuzz/run --build
$STAGE_OK || { count 'fuzz targets' 0 1; finish; }
for target in $(fuzz/run --list); do
    check "fuzz $target" fuzz/run "$target"
    grep -E '^stat::number_of_executed_units' "$STAGE_LOG" | sed 's/^/    /' || true
done
finish
