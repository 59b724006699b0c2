# shellcheck shell=bash
# Shared by .ci/run and its sections. Sourced, never run.
#
# A section is a script that calls `stage` for each thing it does and `finish` at its end. Counts of
# tests go to $CI_RESULTS/$SECTION, one line "passed failed skipped label" for each source of tests.

FAILED_STAGES=0
# Whether the last stage succeeded: `stage` itself always returns 0, because bash switches `-e` off
# inside anything that is called from a condition.
STAGE_OK=true
STAGE_LOG=

# stage NAME COMMAND...: runs it with its output in a log, prints one line, and the log's tail if it
# failed.
stage() {
    local name=$1 started=$SECONDS rc=0
    shift
    STAGE_LOG=$CI_LOGS/$SECTION-${name//[^A-Za-z0-9_.-]/-}.log
    set +e
    (
        set -euo pipefail
        "$@"
    ) >"$STAGE_LOG" 2>&1 </dev/null
    rc=$?
    set -e
    if ((rc == 0)); then
        STAGE_OK=true
        printf '  %-44s ok %6ds\n' "$name" $((SECONDS - started))
    else
        STAGE_OK=false
        FAILED_STAGES=$((FAILED_STAGES + 1))
        printf '  %-44s FAILED (%d) %ds\n' "$name" "$rc" $((SECONDS - started))
        echo "  ---- from $STAGE_LOG"
        grep -nE -A6 '^error|panicked at|^test .* FAILED$|^ +FAILED |^(ERROR|FAIL): ' "$STAGE_LOG" |
            head -n 60 | cut -c -200 | sed 's/^/  | /' || true
        echo "  ---- its end"
        tail -n 40 "$STAGE_LOG" | sed 's/^/  | /'
    fi
}

# count LABEL PASSED FAILED [SKIPPED]
count() {
    printf '%d %d %d %s\n' "$2" "$3" "${4:-0}" "$1" >>"$CI_RESULTS/$SECTION"
}

# check NAME COMMAND...: a stage that counts as one test.
check() {
    stage "$@"
    if $STAGE_OK; then count "$1" 1 0; else count "$1" 0 1; fi
}

# count_tests LABEL: counts the tests that the last stage's log reports, in any of the forms of
# cargo test, nextest, Python's unittest, or a plain "N passed, N failed[, N skipped]". A stage that
# failed without a failed test (it did not compile, it crashed) counts as one failure.
count_tests() {
    local passed failed skipped
    read -r passed failed skipped < <(test_totals "$STAGE_LOG")
    if ! $STAGE_OK && ((failed == 0)); then failed=1; fi
    if ((passed + failed == 0)); then
        echo "  $1: the log reports no test"
        FAILED_STAGES=$((FAILED_STAGES + 1))
        failed=1
    fi
    count "$1" "$passed" "$failed" "$skipped"
}

# test_totals LOG: prints "passed failed skipped".
test_totals() {
    awk '
        function number_before(word,    at) {
            at = match($0, "[0-9]+ " word)
            return at ? substr($0, RSTART, RLENGTH) + 0 : 0
        }
        function named(name,    at) {
            at = match($0, name "=[0-9]+")
            return at ? substr($0, RSTART + length(name) + 1, RLENGTH) + 0 : 0
        }
        /^test result: / {
            passed += number_before("passed"); failed += number_before("failed")
            skipped += number_before("ignored")
        }
        / *Summary \[/ {
            passed += number_before("passed")
            failed += number_before("failed") + number_before("timed out") + number_before("exec failed")
            skipped += number_before("skipped")
        }
        /^Ran [0-9]+ tests? in / { ran = $2; unittest = 1 }
        unittest && /^(OK|FAILED)/ {
            bad = named("failures") + named("errors"); skip = named("skipped")
            passed += ran - bad - skip; failed += bad; skipped += skip; unittest = 0
        }
        /^[0-9]+ passed, [0-9]+ failed/ {
            passed += number_before("passed"); failed += number_before("failed")
            skipped += number_before("skipped")
        }
        END { print passed + 0, failed + 0, skipped + 0 }
    ' "$1"
}

# finish: ends a section.
finish() {
    ((FAILED_STAGES == 0)) || exit 1
    exit 0
}
