# shellcheck shell=bash
# Formatting, clippy, documentation, and facts about the dependency graph.
set -euo pipefail
cd "$CI_SRC"
source .ci/lib.sh

# flate2's back ends compress differently, and cargo unifies features over the workspace: one
# dependency that asks for another back end would change every digest that we make.
flate2_backend() {
    local features
    features=$(cargo tree --locked --workspace --target all --all-features --no-dedupe \
        --prefix none --format '{p} {f}' "$@" | grep '^flate2 ' | sort -u)
    echo "$features"
    [[ $(wc -l <<<"$features") == 1 && $features == *zlib-rs* ]]
    ! grep -E 'miniz|rust_backend|[ ,]zlib(,|$)|zlib-ng|zlib-default|cloudflare|any_c_zlib' <<<"$features"
}

stage 'cargo fetch' cargo fetch --locked
stage 'cargo fmt' cargo fmt --all --check
stage 'cargo clippy' cargo clippy --locked --workspace --all-targets -- -D warnings
stage 'cargo doc' env RUSTDOCFLAGS=-Dwarnings cargo doc --locked --workspace --no-deps
stage 'flate2 has only zlib-rs' flate2_backend
stage 'fuzz: cargo fmt' cargo fmt --manifest-path fuzz/Cargo.toml --check
stage 'fuzz: flate2 has only zlib-rs' flate2_backend --manifest-path fuzz/Cargo.toml
finish
