# shellcheck shell=bash
# Folders on volumes of NTFS. Root's: only root mounts. What is built is built by the user.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

as_user() { setpriv --reuid="$CI_USER" --regid="$CI_USER" --init-groups "$@"; }

# host_tests: the path of the test program of the crate host, as the last line.
host_tests() {
    as_user cargo test --locked -p crossdock-host --lib --no-run --message-format=json |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("profile", {}).get("test") and message.get("executable"):
        print(message["executable"])'
}

stage 'release build' as_user cargo build --locked --release --workspace --bins
$STAGE_OK || { count 'folders on NTFS' 0 1; finish; }
stage 'build the tests of the crate host' host_tests
$STAGE_OK || { count 'folders on NTFS' 0 1; finish; }
CROSSDOCK_HOST_TESTS=$(grep "^/" "$STAGE_LOG" | tail -n 1)
export CROSSDOCK_HOST_TESTS
export CROSSDOCK=$CARGO_TARGET_DIR/release/crossdock
export CROSSDOCK_FIXTURES=$CARGO_TARGET_DIR/release/crossdock-fixtures
export CROSSDOCK_VALIDATOR=$CARGO_TARGET_DIR/release/crossdock-validator

stage 'folders on NTFS' bash testkit/e2e/ntfs.sh
count_tests 'folders on NTFS'

# What the section `wine` has built.
if [[ -x $CARGO_TARGET_DIR/crossdock.exe ]]; then
    export CROSSDOCK_EXE=$CARGO_TARGET_DIR/crossdock.exe CROSSDOCK_E2E_CACHE=$CI_BASE/e2e-cache
    stage 'a store on NTFS under Wine' bash testkit/e2e/windows.sh 8_ntfs
    count_tests 'a store on NTFS under Wine'
fi
finish
