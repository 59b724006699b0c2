# shellcheck shell=bash
# What an interruption leaves: nothing. Sourced by run.sh; `part_11_interruption` needs `prepare`.

# A layer that nothing compresses, large enough for writing it to take a while.
slow_context() {
    [[ -d context.slow ]] && return
    mkdir context.slow
    head -c 150000000 /dev/urandom >context.slow/large
    printf 'FROM --platform=linux/amd64 %s:latest\nCOPY large /large\n' "$LIN" \
        >context.slow/Dockerfile
}

# interrupt SIGNAL CODE STORE WHEN [OPTION...]: sends the signal to a build as soon as the command
# WHEN succeeds; it has to end with the exit code within two seconds, and say why.
interrupt() {
    local signal=$1 code=$2 store=$3 when=$4 found=0 pid started
    shift 4
    "$CROSSDOCK" --root "$store" build --platform linux/amd64 "$@" context.slow \
        >interrupt.log 2>&1 &
    pid=$!
    for _ in {1..3000}; do
        if $when; then break; fi
        kill -0 "$pid" || { cat interrupt.log; echo 'it ended too early'; return 1; }
        sleep 0.01
    done
    started=$(date +%s%N)
    kill -s "$signal" "$pid"
    wait "$pid" || found=$?
    cat interrupt.log
    echo "exit code $found after $((($(date +%s%N) - started) / 1000000)) ms"
    ((found == code && $(date +%s%N) - started < 2000000000)) || return 1
    [[ $signal == KILL ]] || grep -q '^interrupted$' interrupt.log
}

# Moments of a build: it is writing a temporary file of the store, a layout beside its place, one
# in a folder that is there, an archive.
writes_a_layer() { large_file store-i/crossdock/tmp; }
writes_a_layout() { large_file out-i -path '*/.crossdock-*'; }
writes_an_archive() { large_file out-i -name 'tmp-*'; }
large_file() { [[ -n $(find "$@" -type f -size +4M 2>/dev/null | head -1) ]]; }

# nothing_left FOLDER: no file or folder of ours is in it.
nothing_left() {
    local left
    left=$(find "$1" -mindepth 1)
    echo "$left"
    [[ -z $left ]]
}

# whole_store STORE: no temporary files, and every blob is what its name says.
whole_store() {
    nothing_left "$1/crossdock/tmp" || return 1
    local blob
    for blob in "$1"/blobs/sha256/*; do
        [[ -e $blob ]] || continue
        echo "${blob##*/}  $blob"
    done | { ! grep . >sums || sha256sum --quiet -c sums; }
}

part_11_interruption() {
    local signal code
    slow_context
    for signal in INT TERM; do
        [[ $signal == INT ]] && code=130 || code=143
        rm -rf store-i
        check "SIG$signal while a layer is written" interrupt "$signal" "$code" store-i writes_a_layer
        check 'the store is whole' whole_store store-i
    done
    mkdir out-i out-i/there
    # The layer comes from the cache from now on.
    check 'a build' "$CROSSDOCK" --root store-i build --platform linux/amd64 context.slow
    check 'SIGINT while a layout is written' interrupt INT 130 store-i writes_a_layout \
        -o type=oci-layout,dest=out-i/new
    check 'nothing is beside it' same_text 'there' ls -A out-i
    check 'SIGINT while a folder is filled' interrupt INT 130 store-i writes_a_layout \
        -o type=oci-layout,dest=out-i/there
    check 'it is empty' nothing_left out-i/there
    check 'SIGINT while an archive is written' interrupt INT 130 store-i writes_an_archive \
        -o type=oci,dest=out-i/archive.tar
    check 'nothing is left of it' same_text 'there' ls -A out-i
    check 'SIGKILL while a layout is written' interrupt KILL 137 store-i writes_a_layout \
        -o type=oci-layout,dest=out-i/new
    check 'leaves a folder' test "$(find out-i -name '.crossdock-*' | wc -l)" = 1
    check 'the next build' "$CROSSDOCK" --root store-i build --platform linux/amd64 \
        -o type=oci-layout,dest=out-i/new context.slow
    check 'removes it' same_text $'new\nthere' ls -A out-i
    check 'the store is whole' whole_store store-i
    check 'SIGINT while the Dockerfile is read' interrupt_reading
    check 'a terminal is asked for' fails 1 'not a terminal' "$CROSSDOCK" --root store-i build \
        --progress tty context.slow
    if command -v script >/dev/null; then
        check 'SIGINT on a terminal' interrupt_on_a_terminal
    fi
    rm -rf store-i out-i context.slow
}

# same_text TEXT COMMAND...: the command prints that.
same_text() {
    local found
    found=$("${@:2}")
    echo "$found"
    [[ $found == "$1" ]]
}

# The Dockerfile is a pipe that nobody writes to.
interrupt_reading() {
    rm -f pipe
    mkfifo pipe
    interrupt INT 130 store-i 'sleep 1' -f pipe
}

# Ctrl-C as the terminal gives it, typed when the picture shows the build.
interrupt_on_a_terminal() {
    local code=0
    rm -f typed
    mkfifo typed
    { while ! writes_a_layer; do sleep 0.01; done; printf '\003'; sleep 5; } >typed &
    TERM=xterm script -qec "'$CROSSDOCK' --root store-i build --no-cache --platform linux/amd64 \
        context.slow" terminal.log <typed >/dev/null || code=$?
    tail -c 600 terminal.log
    ((code == 130)) || { echo "exit code $code"; return 1; }
    grep -q 'INTERRUPTED' terminal.log && nothing_left store-i/crossdock/tmp
}
