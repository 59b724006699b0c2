#!/usr/bin/env bash
# Makes what users download: a static executable for Linux and one for Windows that needs no DLL but
# the system's, each in an archive with its licence, manual pages and completion scripts.
#
#   release/build.sh [FOLDER]           both, into FOLDER [default: target/release-files]
#   RELEASE_TARGETS=x86_64-pc-windows-gnu release/build.sh
#
# Where there is no standard library for musl, x86_64-unknown-linux-gnu in RELEASE_TARGETS gives a static executable with
# Debian's C library, which looks up names of hosts by NSS modules that may be missing.
#
# It runs on Linux and needs, beside Rust (the two targets are added by rustup if it is there): a C
# compiler, musl-tools (musl-gcc), gcc-mingw-w64-x86-64-win32, python3. The same sources and compilers give the
# same bytes, wherever the checkout and the build folder are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

TARGETS=(${RELEASE_TARGETS:-x86_64-unknown-linux-musl x86_64-pc-windows-gnu})
out=${1:-${CARGO_TARGET_DIR:-target}/release-files}
mkdir -p "$out"
out=$(cd "$out" && pwd)
source=$PWD
build=${CARGO_TARGET_DIR:-$PWD/target}
mkdir -p "$build"
build=$(cd "$build" && pwd)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
# Of the last commit, so that times in archives are no accident; of a copy without git, 1980.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}
export SOURCE_DATE_EPOCH=$epoch

has() { command -v "$1" >/dev/null || { echo "release/build.sh: $1 is missing; install $2" >&2; exit 1; }; }
has python3 python3

for target in "${TARGETS[@]}"; do
    case $target in
    *-musl) has musl-gcc musl-tools ;;
    *-linux-gnu) has cc gcc ;;
    *-windows-gnu) has x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64-win32 ;;
    *) echo "release/build.sh: there is no release for $target" >&2; exit 2 ;;
    esac
    library=$(rustc --print sysroot)/lib/rustlib/$target/lib
    [[ -n $(compgen -G "$library/libstd-*.rlib") ]] || rustup target add "$target" || {
        echo "release/build.sh: this Rust has no standard library for $target" >&2
        exit 1
    }
done

# No path of this machine goes into the executable. The longest comes last: the last that fits counts.
remap="--remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$source=/crossdock"
remap+=" --remap-path-prefix=$build=/build --remap-path-prefix=$(rustc --print sysroot)=/rust"
c_remap="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$build=/build"

for target in "${TARGETS[@]}"; do
    echo "== $target"
    name=${target^^}
    name=${name//-/_}
    # A PE header has the time of linking in it, unless ld is told not to.
    flags=$remap
    [[ $target != *-windows-gnu ]] || flags+=" -Clink-arg=-Wl,--no-insert-timestamp"
    [[ $target != *-linux-gnu ]] || flags+=" -Ctarget-feature=+crt-static"
    env "CARGO_TARGET_${name}_RUSTFLAGS=$flags" "CFLAGS_${target//-/_}=$c_remap" \
        CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc CARGO_INCREMENTAL=0 \
        cargo build --locked --profile dist -p crossdock --target "$target"
done
python3 release/pack.py --version "$version" --epoch "$epoch" --out "$out" \
    "${TARGETS[@]/#/$build/}"
