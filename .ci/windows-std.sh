# shellcheck shell=bash
# Builds the Windows standard library from Debian's packages and puts it where Debian's rustc looks.
# Needs root. For machines that rustup's server does not answer; .ci/install.sh calls it.
set -euo pipefail
target=$1
destination=/usr/lib/rustlib/$target/lib

DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -q install -y \
    --no-install-recommends rustc-web cargo-web rust-web-src rust-web-clippy >/dev/null
stamp=$destination/crossdock-ci.version
version=$(/usr/bin/rustc -V)
[[ $(cat "$stamp" 2>/dev/null) != "$version" ]] || exit 0

echo "  building the standard library for $target with $version"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<TOML
[package]
name = "empty"
version = "0.0.0"
edition = "2024"
[workspace]
TOML
touch "$work/src/lib.rs"
(
    cd "$work"
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$work/target \
        CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc \
        /usr/bin/cargo build --release --target "$target" \
        -Z build-std=std,panic_abort,panic_unwind,test,proc_macro \
        -Z build-std-features=panic-unwind,backtrace >build.log 2>&1 ||
        { tail -n 40 build.log; exit 1; }
)
mkdir -p "$destination"
rm -f "$destination"/*.rlib
cp "$work/target/$target/release/deps/"*.rlib "$destination/"
rm -f "$destination"/libempty-*.rlib
echo "$version" >"$stamp"
