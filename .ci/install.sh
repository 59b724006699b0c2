# shellcheck shell=bash
# Root's part of .ci/run: installs what is missing, makes the ordinary user, copies the checkout.
# Called by .ci/run with the user's name and the sections that will run.
set -euo pipefail
CI_USER=$1
shift
SECTIONS=" $* "

# wants SECTION...: one of them will run.
wants() {
    local section
    for section; do
        if [[ $SECTIONS == *" $section "* ]]; then return; fi
    done
    return 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
    "$@" >"$log" 2>&1 </dev/null || {
        echo "  FAILED: $*"
        tail -n 40 "$log" | sed 's/^/  | /'
        return 1
    }
}

# --- Debian packages -------------------------------------------------------------------------------
packages=(ca-certificates gcc g++ git libc6-dev python3 util-linux)
if wants windows wine release; then
    packages+=(gcc-mingw-w64-x86-64-win32 g++-mingw-w64-x86-64-win32)
fi
if wants windows wine; then packages+=(wine64); fi
if wants release; then packages+=(musl-tools openssl python3-yaml); fi
if wants determinism; then packages+=(qemu-user); fi
if wants ntfs; then packages+=(fuse3 ntfs-3g); fi
if wants e2e wine; then
    packages+=(man-db zsh fish)
    packages+=(apache2-utils attr buildah containerd debootstrap docker-registry libcap2-bin)
    packages+=(bzip2 libhivex-bin openssl python3-hivex runc skopeo uidmap umoci xz-utils zstd)
fi
missing=()
for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) == 'install ok installed' ]] ||
        missing+=("$package")
done
export DEBIAN_FRONTEND=noninteractive
apt_install() {
    quietly apt-get -o DPkg::Lock::Timeout=600 -o APT::Update::Error-Mode=any -q update || true
    quietly apt-get -o DPkg::Lock::Timeout=600 -q install -y --no-install-recommends "$@"
}
if ((${#missing[@]})); then
    echo "  apt: ${missing[*]}"
    apt_install "${missing[@]}"
fi

# --- Rust ------------------------------------------------------------------------------------------
command -v rustc >/dev/null || {
    echo "  there is no rustc: install Rust with rustup first (rust-version in Cargo.toml)"
    exit 1
}
if wants windows && ! cargo nextest --version >/dev/null 2>&1; then
    echo "  cargo install cargo-nextest"
    # Without what lets it replace itself: that part takes longest to build.
    quietly cargo install --locked --root /usr/local --no-default-features \
        --features default-no-update cargo-nextest
fi

# --- The user, who can reach neither root's home nor, perhaps, the checkout ---------------------------
id -u "$CI_USER" >/dev/null 2>&1 ||
    useradd --no-create-home --home-dir "$CI_BASE/home" --shell /usr/sbin/nologin "$CI_USER"
chmod 755 "$CI_BASE"
for folder in home target cargo logs results; do
    install -d -o "$CI_USER" -g "$CI_USER" "$CI_BASE/$folder"
done
as_user() { setpriv --reuid="$CI_USER" --regid="$CI_USER" --init-groups "$@"; }

# The tools are used where they lie if the user can run them there, else from a mirror of hard links.
rm -f "$CI_BASE/toolchain"
sysroot=$(rustc --print sysroot)
if ! as_user test -x "$sysroot/bin/cargo"; then
    rm -rf "$CI_BASE/rust"
    mkdir "$CI_BASE/rust"
    for part in bin lib libexec; do
        [[ -d $sysroot/$part ]] || continue
        cp -al "$sysroot/$part" "$CI_BASE/rust/" 2>/dev/null || {
            rm -rf "$CI_BASE/rust/${part:?}"
            cp -a "$sysroot/$part" "$CI_BASE/rust/"
        }
    done
    sysroot=$CI_BASE/rust
fi
echo "$sysroot/bin" >"$CI_BASE/toolchain"

# --- The Windows standard library --------------------------------------------------------------------
# By rustup where its server answers, else built from Debian's source package (its compiler is as new
# as rustup's). `windows-toolchain` names the folder of the cargo that has it.
rm -f "$CI_BASE/windows-toolchain"
if wants windows wine release; then
    target=x86_64-pc-windows-gnu
    library() { [[ -n $(compgen -G "$1/lib/rustlib/$target/lib/libstd-*.rlib") ]]; }
    if [[ ${CROSSDOCK_CI_WINDOWS_STD:-} != debian ]] && ! library "$sysroot" &&
        command -v rustup >/dev/null; then
        echo "  rustup target add $target"
        if timeout 300 rustup target add "$target" >"$log" 2>&1; then
            real=$(rustc --print sysroot)
            if [[ $real != "$sysroot" ]]; then
                cp -al "$real/lib/rustlib/$target" "$sysroot/lib/rustlib/" 2>/dev/null ||
                    cp -a "$real/lib/rustlib/$target" "$sysroot/lib/rustlib/"
            fi
        else
            echo "  rustup's server did not give it; using Debian's source package"
        fi
    fi
    if [[ ${CROSSDOCK_CI_WINDOWS_STD:-} != debian ]] && library "$sysroot"; then
        echo "$sysroot/bin" >"$CI_BASE/windows-toolchain"
    else
        bash .ci/windows-std.sh "$target"
        echo /usr/bin >"$CI_BASE/windows-toolchain"
    fi
fi

# For musl there is rustup alone; without it the section builds with Debian's C library.
if wants release && command -v rustup >/dev/null; then
    target=x86_64-unknown-linux-musl
    if ! library "$sysroot" && timeout 300 rustup target add "$target" >"$log" 2>&1; then
        real=$(rustc --print sysroot)
        [[ $real == "$sysroot" ]] || cp -a "$real/lib/rustlib/$target" "$sysroot/lib/rustlib/"
    fi
fi

# --- The Debian that the end-to-end tests copy from ------------------------------------------------------
# debootstrap needs root; what is made of it does not. Kept between runs.
if wants e2e wine; then
    install -d -o "$CI_USER" -g "$CI_USER" "$CI_BASE/e2e-cache"
    if [[ ! -s $CI_BASE/e2e-cache/debian.tar ]]; then echo "  debootstrap"; fi
    quietly bash testkit/e2e/debian.sh "$CI_BASE/e2e-cache"
fi

# --- dockerd, a reader of what is written --------------------------------------------------------------
# Taken out of its packages: to install them would start a service. The tests run it without root.
if wants e2e && [[ ! -x $CI_BASE/docker/usr/sbin/dockerd ]]; then
    echo "  docker.io"
    rm -rf "$CI_BASE/docker"
    mkdir "$CI_BASE/docker"
    for package in docker.io rootlesskit; do
        (cd "$CI_BASE/docker" && quietly apt-get -q download "$package")
        dpkg-deb -x "$CI_BASE/docker/$package"_*.deb "$CI_BASE/docker"
    done
fi

# --- The copy of the checkout ------------------------------------------------------------------------
# What git tracks or would track, with fresh times: cargo must not take an older build for this one's.
rm -rf "$CI_SRC"
install -d "$CI_SRC"
git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' path; do
        if [[ -e $path || -L $path ]]; then printf '%s\0' "$path"; fi
    done |
    tar -c --null --no-recursion -T - | tar -xm --no-same-owner -C "$CI_SRC"
chown -R "$CI_USER:$CI_USER" "$CI_SRC"
