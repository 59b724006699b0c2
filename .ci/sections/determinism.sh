# shellcheck shell=bash
# Compressed bytes do not depend on the processor: the golden digests again, on one without SSE4 or
# AVX. (They also run natively in `test` and under Wine in `windows`.)
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

QEMU=$(command -v qemu-x86_64 || command -v qemu-x86_64-static)
# qemu's baseline x86-64: SSE2 and SSE3, nothing newer.
CPU=qemu64

golden_tests() {
    local binaries binary
    binaries=$(cargo test --locked -p crossdock-layer --no-run --message-format=json 2>/dev/null |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("profile", {}).get("test") and message.get("executable"):
        print(message["executable"])')
    for binary in $binaries; do
        "$QEMU" -cpu "$CPU" "$binary" --color never golden
    done
}

stage "golden digests on $CPU" golden_tests
count_tests "golden digests on $CPU"
finish
