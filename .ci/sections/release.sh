# shellcheck shell=bash
# What users download: it is made by one command, needs nothing that a system does not have, and is the
# same bytes wherever it is made.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

LINUX=x86_64-unknown-linux-musl WINDOWS=x86_64-pc-windows-gnu
# Without rustup's server there is no standard library for musl.
[[ -n $(compgen -G "$(rustc --print sysroot)/lib/rustlib/$LINUX/lib/libstd-*.rlib") ]] || LINUX=x86_64-unknown-linux-gnu
# The base folder of CI is root's.
RELEASE=$CARGO_TARGET_DIR/ci-release AGAIN=$CARGO_TARGET_DIR/ci-release-again
# The copy has no commit to take the time of.
export SOURCE_DATE_EPOCH=315532800

# The cargo that can build for Windows, as in that section; two compilers may not share a folder.
for_windows() {
    if [[ -f $CI_BASE/windows-toolchain ]]; then PATH=$(cat "$CI_BASE/windows-toolchain"):$PATH; fi
    local folder=$CARGO_TARGET_DIR
    [[ $(command -v cargo) != /usr/bin/cargo ]] || folder=$CARGO_TARGET_DIR/debian
    RELEASE_TARGETS=$WINDOWS CARGO_TARGET_DIR=${2:-$folder} bash "$1/release/build.sh" "$3"
}

# The executable for Windows once more, from another folder, with another build folder. One system is
# enough: what could differ is the same script's doing, and each costs a whole build.
again() {
    local place=$CARGO_TARGET_DIR/ci-elsewhere
    rm -rf "$place" "$AGAIN"
    mkdir -p "$place/deeper/source"
    tar -c --exclude=./target --exclude=./.git . | tar -x -C "$place/deeper/source"
    for_windows "$place/deeper/source" "$place/build" "$AGAIN"
    rm -rf "$place"
}

rm -rf "$RELEASE"
stage 'for Linux' env RELEASE_TARGETS="$LINUX" bash release/build.sh "$RELEASE"
stage 'for Windows' for_windows . '' "$RELEASE"
stage 'for Windows, elsewhere' again
((FAILED_STAGES == 0)) || { count 'checks' 0 1; finish; }
stage 'checks' python3 release/check.py "$RELEASE" "$AGAIN"
count_tests 'checks'
check 'the workflow for a Windows runner' python3 -c '
import yaml
jobs = yaml.safe_load(open("examples/windows-runner.yml"))["jobs"]
assert jobs and all(job["runs-on"] and job["steps"] for job in jobs.values())'
finish
