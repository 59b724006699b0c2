# shellcheck shell=bash
# The whole Windows program under Wine, beside the Linux program of the same commit.
#
# What a pass under Wine proves and what it does not is written down in CONTRIBUTING.md.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

TARGET=x86_64-pc-windows-gnu

# What the section `release` packs, built by the same command: after it nothing is built again.
windows_build() {
    local folder=$CARGO_TARGET_DIR
    if [[ -f $CI_BASE/windows-toolchain ]]; then
        PATH=$(cat "$CI_BASE/windows-toolchain"):$PATH
    fi
    # Two compilers may not share a folder: each would rebuild the other's work.
    [[ $(command -v cargo) != /usr/bin/cargo ]] || folder=$CARGO_TARGET_DIR/debian
    SOURCE_DATE_EPOCH=315532800 RELEASE_TARGETS=$TARGET CARGO_TARGET_DIR=$folder \
        bash release/build.sh "$CARGO_TARGET_DIR/ci-release"
    cp "$folder/$TARGET/dist/crossdock.exe" "$CROSSDOCK_EXE"
}

export CROSSDOCK=$CARGO_TARGET_DIR/release/crossdock
export CROSSDOCK_EXE=$CARGO_TARGET_DIR/crossdock.exe
export CROSSDOCK_FIXTURES=$CARGO_TARGET_DIR/release/crossdock-fixtures
export CROSSDOCK_VALIDATOR=$CARGO_TARGET_DIR/release/crossdock-validator
export CROSSDOCK_E2E_CACHE=$CI_BASE/e2e-cache
export CROSSDOCK_E2E_KILL_SECONDS=${CROSSDOCK_E2E_KILL_SECONDS:-12}

stage 'release build' cargo build --locked --release --workspace --bins
$STAGE_OK || { count 'both systems' 0 1; finish; }
stage 'the executable for Windows' windows_build
$STAGE_OK || { count 'both systems' 0 1; finish; }
stage 'both systems' bash testkit/e2e/windows.sh
count_tests 'both systems'
finish
