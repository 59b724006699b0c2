# shellcheck shell=bash
# The README's test command.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

stage 'cargo test' cargo test --locked --workspace --no-fail-fast
count_tests 'cargo test'
finish
