# shellcheck shell=bash
# What users download: it is made by one command, needs nothing that a system does not have, and is the
# same bytes wherever it is made.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

# The archives of the executable for Windows once more, from another folder, with another build folder.
# One target is enough: what could differ is the same script's doing, and it takes as long as a build.
again() {
    local place=$CI_BASE/release-again
    rm -rf "$place" "$CI_BASE/release-elsewhere"
    mkdir -p "$place/deeper/source"
    tar -c --exclude=./target --exclude=./.git . | tar -x -C "$place/deeper/source"
    CARGO_TARGET_DIR=$place/build RELEASE_TARGETS=x86_64-pc-windows-gnu \
        bash "$place/deeper/source/release/build.sh" "$CI_BASE/release-elsewhere"
    rm -rf "$place"
}

# The copy has no commit to take the time of.
export SOURCE_DATE_EPOCH=315532800
stage 'build both' bash release/build.sh "$CI_BASE/release"
$STAGE_OK || { count 'release' 0 1; finish; }
stage 'build one elsewhere' again
$STAGE_OK || { count 'release' 0 1; finish; }
stage 'checks' python3 release/check.py "$CI_BASE/release" "$CI_BASE/release-elsewhere"
count_tests 'checks'
finish
