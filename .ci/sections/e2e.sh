# shellcheck shell=bash
# The whole program on real images, compared by code that is not the product's.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

stage 'release build' cargo build --locked --release --workspace --bins
$STAGE_OK || { count 'end to end' 0 1; finish; }
export CROSSDOCK=$CARGO_TARGET_DIR/release/crossdock
export CROSSDOCK_FIXTURES=$CARGO_TARGET_DIR/release/crossdock-fixtures
export CROSSDOCK_VALIDATOR=$CARGO_TARGET_DIR/release/crossdock-validator
export CROSSDOCK_E2E_CACHE=$CI_BASE/e2e-cache
# dockerd, docker and rootlesskit.
export CROSSDOCK_E2E_DOCKER=$CI_BASE/docker

stage 'unit tests of testkit/e2e' python3 -m unittest discover -s testkit/e2e -p '*test*.py'
count_tests 'unit tests of testkit/e2e'
stage 'unit tests of testkit/conformance' \
    python3 -m unittest discover -s testkit/conformance -p '*test*.py'
count_tests 'unit tests of testkit/conformance'
check "the README's demo" sh examples/demo.sh
# The reference is the first builder that works for this user: see the first lines of the log.
stage 'conformance' python3 testkit/conformance/run.py
count_tests 'conformance'
stage 'end to end' bash testkit/e2e/run.sh
count_tests 'end to end'
stage 'registry builds' bash testkit/e2e/registry_builds.sh
count_tests 'registry builds'
stage 'browsing' bash testkit/e2e/browse.sh
count_tests 'browsing'
stage 'git client' bash testkit/e2e/git.sh
count_tests 'git client'
stage 'contexts' bash testkit/e2e/contexts.sh
count_tests 'contexts'
stage 'registry client' bash testkit/e2e/registry.sh
count_tests 'registry client'
finish
