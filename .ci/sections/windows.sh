# shellcheck shell=bash
# The workspace for Windows: clippy, and its unit and property tests under Wine.
#
# What a pass under Wine proves and what it does not is written down in CONTRIBUTING.md.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

TARGET=x86_64-pc-windows-gnu
if [[ -f $CI_BASE/windows-toolchain ]]; then
    PATH=$(cat "$CI_BASE/windows-toolchain"):$PATH
fi
# Two compilers may not share a folder: each would rebuild the other's work.
[[ $(command -v cargo) != /usr/bin/cargo ]] || export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/debian

# Debian keeps Wine's programs out of PATH.
PATH=$PATH:/usr/lib/wine
WINE=$(command -v wine64 || command -v wine)
WINESERVER=$(command -v wineserver64 || command -v wineserver)

export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$CI_SRC/.ci/wine/start CROSSDOCK_WINE=$WINE
export WINEPREFIX=$CI_BASE/home/wine WINEARCH=win64 WINEDEBUG=-all LANG=C.UTF-8
# Without winedbg.exe=d a crashing test sometimes makes its process exit with 0.
export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe=d;winedbg.exe=d'

end_wine() { "$WINESERVER" -k >/dev/null 2>&1 || true; }
trap end_wine EXIT
trap 'exit 143' TERM

start_wine() {
    end_wine
    rm -rf "$WINEPREFIX"
    "$WINE" wineboot.exe -i
    local system32=$WINEPREFIX/drive_c/windows/system32
    [[ -e $system32/bcryptprimitives.dll ]] ||
        x86_64-w64-mingw32-gcc -shared -O2 -static-libgcc .ci/wine/bcryptprimitives.c \
            -o "$system32/bcryptprimitives.dll" -ladvapi32
    # Shares as tests write them: Wine takes \\SERVER\SHARE for a folder here.
    mkdir -p "$WINEPREFIX/dosdevices/unc/localhost"
    ln -s ../../../drive_c "$WINEPREFIX/dosdevices/unc/localhost/C\$"
    ln -s / "$WINEPREFIX/dosdevices/unc/localhost/Z\$"
    # A server that stays, and Wine's services started by a process whose pipes nobody waits for:
    # else they inherit the test runner's, and `nextest --list` never ends.
    "$WINESERVER" -w
    setsid "$WINESERVER" -p </dev/null >/dev/null 2>&1
    setsid "$WINE" cmd /c exit </dev/null >/dev/null 2>&1
}

# Debian's packages may lack clippy for this compiler, or have one with other opinions than the lint
# section's: there only errors count.
lint() {
    if [[ $(command -v cargo) == /usr/bin/cargo ]]; then
        cargo check --locked --target "$TARGET" --workspace --all-targets
    else
        cargo clippy --locked --target "$TARGET" --workspace --all-targets -- -D warnings
    fi
}

check 'clippy for Windows' lint
stage 'build the tests' cargo test --locked --target "$TARGET" --workspace --no-run
$STAGE_OK || { count 'tests under Wine' 0 1; finish; }
stage 'set up Wine' start_wine
$STAGE_OK || { count 'tests under Wine' 0 1; finish; }
stage 'tests under Wine' cargo nextest run --locked --target "$TARGET" --workspace --color never \
    --config-file .ci/nextest.toml --profile wine
count_tests 'tests under Wine'
finish
