# shellcheck shell=bash
# The parts of registry_builds.sh about commands that are killed, and about many at once. "Whole" is
# what store.py says of a store.

whole() { python3 "$here/store.py" "$@"; }

registry_5_kill() {
    local seconds=${CROSSDOCK_E2E_KILL_SECONDS:-20} what kinds=(pull build push prune)
    RANDOM=${CROSSDOCK_E2E_SEED:-$((RANDOM + 1))}
    kill_images
    for what in "${kinds[@]}"; do
        check "$what, killed for $seconds s" kill_again_and_again "$what" "$seconds"
        tail -n 1 check.log | sed 's/^/          /'
        check "$what: the store is whole" whole "store-kill-$what" --no-leftovers
    done
    stop_all
}

# The images that killed commands read, and what they are to give.
kill_images() {
    start_registry kill
    check 'a real Debian' to_registry debian:latest debian:12
    check 'a Windows image' to_registry win:gzip base/win:gzip
    KILL_DEBIAN=$HOST/debian:12
    {
        echo "FROM --platform=linux/amd64 $KILL_DEBIAN AS linux"
        echo "FROM --platform=windows/amd64 $HOST/base/win:gzip"
        echo 'COPY --from=linux /usr/bin/ /l/bin/'
        echo 'COPY --from=linux /etc/ /l/etc/'
    } >kill.in
    DOCKERFILE_IN=kill.in check 'a build of them' \
        push_build store-kill-ref "$HOST/kill:ref" windows/amd64
    KILL_BUILD=$(cat "$(digest_file "$HOST/kill:ref")")
    KILL_PULL=$(remote_digest debian:12)
}

# victim WHAT ROUND: the command that is killed, in place of the shell. A round's own name makes a
# push that has to be done. KILLED_PROGRAM is another program than CROSSDOCK.
victim() {
    local store=store-kill-$1 program=${KILLED_PROGRAM:-$CROSSDOCK}
    case $1 in
    pull) exec "$program" --root "$store" pull -q "$KILL_DEBIAN" ;;
    build) exec "$program" --root "$store" build --platform windows/amd64 -q --no-cache \
        -t "$HOST/kill:built" context.kill ;;
    push) exec "$program" --root "$store" build --platform windows/amd64 -q --push \
        -t "$HOST/kill-$2:1" context.kill ;;
    prune) exec "$program" --root "$store" prune --all ;;
    esac
}

# The command runs to its end and gives what it has to.
survivor() {
    local digest
    digest=$(victim "$1" "$2") || return 1
    case $1 in
    pull) [[ $digest == "$KILL_PULL" ]] ;;
    build) [[ $digest == "$KILL_BUILD" ]] ;;
    push) [[ $digest == "$KILL_BUILD" && $(remote_digest "kill-$2:1") == "$KILL_BUILD" ]] ;;
    prune) digest=$(build_again) && [[ $digest == "$KILL_BUILD" ]] ;;
    esac || { echo "gave $digest"; return 1; }
}

# Fills the store with what prune keeps, a name, and with what it removes, a build without one.
build_again() {
    local CROSSDOCK=${KILLED_PROGRAM:-$CROSSDOCK}
    crossdock store-kill-prune pull -q --platform windows/amd64 "$HOST/base/win:gzip" >&2 &&
        crossdock store-kill-prune build --platform windows/amd64 -q --push \
            -t "$HOST/kill:ref" context.kill
}

# kill_again_and_again WHAT SECONDS: kills the command at random moments, looks at the store, and
# every other time lets the command run to its end. New stores and old ones take turns.
kill_again_and_again() {
    local what=$1 until=$((SECONDS + $2)) round=0 killed=0 pid cold warm prune limit
    mkdir -p context.kill
    cp kill.in context.kill/Dockerfile
    timed cold survivor "$what" first && timed warm survivor "$what" second &&
        timed prune in_shell victim prune 0 || return 1
    while ((SECONDS < until || round < 4)); do
        round=$((round + 1))
        limit=$warm
        if ((round % 3 == 1)); then
            rm -rf "store-kill-$what"
            limit=$cold
        fi
        if [[ $what == prune ]]; then
            build_again >/dev/null || return 1
            limit=$prune
        fi
        (victim "$what" "$round") >/dev/null 2>&1 &
        pid=$!
        sleep "$(random_seconds "$limit")"
        if kill -9 "$pid" 2>/dev/null; then killed=$((killed + 1)); fi
        wait "$pid" 2>/dev/null
        whole "store-kill-$what" ||
            { echo "round $round: the store is not whole"; return 1; }
        if ((round % 2)); then
            survivor "$what" "$round" ||
                { echo "round $round: not the same"; return 1; }
            whole "store-kill-$what" --no-leftovers ||
                { echo "round $round: not whole afterwards"; return 1; }
        fi
    done
    survivor "$what" last || return 1
    if [[ $what == prune ]]; then cold=$prune warm=$prune; fi
    echo "$killed of $round rounds killed, within $cold ms with a new store, $warm with an old one"
}

in_shell() { ("$@"); }

# timed VARIABLE COMMAND...: sets it to the milliseconds that the command takes.
timed() {
    local variable=$1 started code=0
    shift
    started=$(date +%s%3N)
    "$@" || code=$?
    printf -v "$variable" %d $(($(date +%s%3N) - started))
    return "$code"
}

# random_seconds MILLISECONDS: a time between nothing and that.
random_seconds() {
    local ms=$((RANDOM * 32768 + RANDOM))
    ms=$((ms % ($1 + 1)))
    printf '%d.%03d' $((ms / 1000)) $((ms % 1000))
}

registry_6_at_once() {
    local number
    start_registry many
    check 'the bases' bases
    to_windows "$HOST/base/lin:gzip" "$HOST/base/win:gzip" >many-1.in
    to_linux "$HOST/base/lin:gzip" "$HOST/base/win:gzip" >many-2.in
    printf 'FROM %s/base/win:gzip\nCOPY app.exe /app/\n' "$HOST" >many-3.in
    printf 'FROM %s/base/lin:gzip\nCOPY app.exe /app/\nENV A=b\n' "$HOST" >many-4.in
    MANY_OS=(- windows linux windows linux)
    for number in 1 2 3 4; do
        check "kind $number alone" one_of_many "store-alone-$number" "$number" "alone-$number"
    done
    check 'two of the same at once' many store-2-same 1 1
    check 'two that differ' many store-2-other 1 2
    check 'eight of the same at once' many store-8-same 1 1 1 1 1 1 1 1
    check 'eight that differ' many store-8-other 1 2 3 4 1 2 3 4
    check 'again, in the store that is full' many store-8-other 4 3 2 1 4 3 2 1
    for number in store-2-same store-2-other store-8-same store-8-other; do
        check "$number is whole" whole "$number" --no-leftovers
    done
    mark many
    check 'two with a new store, of the same base' many store-2-base 3 3
    check 'download each layer once' asked many 'asks("GET", "blobs") <= 4 + 1 + 1'
    check 'prune beside builds' prune_beside store-8-other
    check 'and the store is whole' whole store-8-other --no-leftovers
    check 'prune alone' crossdock store-8-other prune --all
    check 'leaves the image that has a name' whole store-8-other --no-leftovers
    check 'which can be pushed' crossdock store-8-other push -q "$HOST/base/lin:latest"
    check 'and can be built in' many store-8-other 1 2 3 4
    stop_all
}

# one_of_many STORE NUMBER NAME: builds that kind and pushes it.
one_of_many() {
    DOCKERFILE_IN=many-$2.in push_build "$1" "$HOST/$3:1" "${MANY_OS[$2]}/amd64"
}

# many STORE NUMBER...: builds of these kinds at once; each gives what it gives alone.
many() {
    local store=$1 number place=0 code=0 pids=() name
    shift
    for number in "$@"; do
        place=$((place + 1))
        one_of_many "$store" "$number" "$store-$place" >"$store-$place.out" 2>&1 &
        pids+=($!)
    done
    place=0
    for number in "$@"; do
        place=$((place + 1))
        wait "${pids[$((place - 1))]}" || { code=1; cat "$store-$place.out"; continue; }
        name=$store-$place:1
        pushed "$name" "$(cat "$(digest_file "$HOST/alone-$number:1")")" || code=1
    done
    return "$code"
}

# prune_beside STORE: prunes as fast as it can while builds and pulls run.
prune_beside() {
    local code=0 round prunes=0 builds
    (
        for round in 1 2 3; do
            crossdock "$1" pull -q --all-platforms "$HOST/base/lin:latest" &
            many "$1" 1 2 3 4 && wait $! || exit 1
        done
    ) &
    builds=$!
    while kill -0 "$builds" 2>/dev/null; do
        crossdock "$1" prune --all >prune.log 2>&1 || { code=1; cat prune.log; }
        prunes=$((prunes + 1))
    done
    wait "$builds" || code=1
    echo "pruned $prunes times"
    return "$code"
}
