# shellcheck shell=bash
# The parts of ntfs.sh.

# How the volumes are mounted: streams as attributes and special files as ntfs-3g has them if nobody
# says anything, or as files and as WSL has them.
VOLUMES=(plain wsl)
declare -A OPTIONS=(
    [plain]=streams_interface=xattr
    [wsl]=streams_interface=windows,special_files=wsl
    [strict]=streams_interface=windows,windows_names
    [user]=streams_interface=windows,permissions
    [judge]=streams_interface=windows
)
# What the judge must be told of a volume.
declare -A JUDGED=([plain]=--small-streams [wsl]='' [strict]='' [user]=--unprivileged [judge]='')

prepare() {
    echo "== images"
    export HOME=$work/home CROSSDOCK_ROOT=$work/store
    mkdir -p "$HOME"
    unset SSL_CERT_FILE SSL_CERT_DIR DOCKER_CONFIG XDG_RUNTIME_DIR XDG_CONFIG_HOME
    "$CROSSDOCK_FIXTURES" windows-base win --files 400
    "$CROSSDOCK_FIXTURES" linux-base lin --packages 20
    WIN=oci-layout://$work/win
    LIN=oci-layout://$work/lin
}

# leave: that of user.sh, but no volume stays mounted.
leave() {
    local volume
    stop_all
    for volume in "$work"/*.ntfs; do
        if mountpoint -q "${volume%.ntfs}"; then umount "${volume%.ntfs}"; fi
    done
    [[ -z ${CROSSDOCK_E2E_KEEP:-} ]] || { echo "kept: $work"; return; }
    rm -rf --one-file-system "$work"
}

# new_volume NAME [SIZE]: makes a volume and mounts it at NAME with its OPTIONS.
new_volume() {
    truncate -s "${2:-512M}" "$1.ntfs"
    mkfs.ntfs -F -Q "$1.ntfs"
    mkdir "$1"
    mount_volume "$1"
}

mount_volume() {
    mount.ntfs-3g "$1.ntfs" "$1" -o "${OPTIONS[$1]}${2:+,$2}"
}

# judged VOLUME IMAGE FOLDER: the folder holds the image, as the volume has it, not as the kernel
# remembers it.
judged() {
    umount "$1"
    mount_volume "$1" noatime
    # shellcheck disable=SC2086 # An option or none.
    python3 "$here/ntfs_judge.py" ${JUDGED[$1]} "$2" "$1/$3"
}

# built FOLDER OPTION... <Dockerfile: a build of this context.
built() {
    cat >built.in
    "$CROSSDOCK" build -q -f built.in "${@:2}" "$1"
}

copied() { "$CROSSDOCK" cp -q "$@"; }

# once VOLUME: the volume with the files of both images, in `w` and `l`.
once() {
    [[ ! -d $1 ]] || return 0
    check "$1: a volume" new_volume "$1"
    check "$1: the Windows image" copied "$WIN:gzip:/." "$1/w"
    check "$1: the Linux image" copied --on-collision rename "$LIN:latest:/." "$1/l"
}

ntfs_01_host() {
    local volume
    [[ -n ${CROSSDOCK_HOST_TESTS:-} ]] || {
        skip "tests of the crate host" "CROSSDOCK_HOST_TESTS is not set"
        return
    }
    for volume in "${VOLUMES[@]}"; do
        OPTIONS[host]=${OPTIONS[$volume]}
        check "$volume: a volume for tests" new_volume host
        check "$volume: tests of the crate host" host_tests
        umount host
        rmdir host
    done
}

# host_tests: those for volumes; at least ten.
host_tests() {
    CROSSDOCK_NTFS_VOLUME=$work/host "$CROSSDOCK_HOST_TESTS" --ignored ntfs3g &&
        (($("$CROSSDOCK_HOST_TESTS" --list --ignored ntfs3g | grep -c ': test$') >= 10))
}

ntfs_02_out() {
    local volume
    for volume in "${VOLUMES[@]}"; do
        once "$volume"
        check "$volume: the Windows image is there, byte for byte" judged "$volume" win:gzip:/ w
        check "$volume: the Linux image is there, byte for byte" judged "$volume" lin:latest:/ l
        # Over what is there.
        check "$volume: the Windows image again" copied "$WIN:gzip:/." "$volume/w"
        check "$volume: the Linux image again" copied --on-collision rename "$LIN:latest:/." "$volume/l"
        check "$volume: it is there again" judged "$volume" win:gzip:/ w
        check "$volume: it is there again, too" judged "$volume" lin:latest:/ l
        check "$volume: the files of a build for Windows" exported "$volume" windows "$WIN:gzip"
        check "$volume: they are there" judged "$volume" win:gzip:/ windows
        check "$volume: the files of a build for Linux" exported "$volume" linux "$LIN:latest"
        check "$volume: they are there, too" judged "$volume" lin:latest:/ linux
    done
    check 'a stream that is no attribute is told' large_stream plain
    check 'as a file it is none' large_stream wsl
    check 'names that differ in case are an error' fails 1 'ignores case.*Makefile' \
        "$CROSSDOCK" cp "$LIN:latest:/opt/case" wsl/case
}

# exported VOLUME OS IMAGE: the files of an image by a build.
exported() {
    mkdir -p empty
    built empty --platform "$2/amd64" -o "type=local,dest=$1/$2" --on-collision rename \
        <<<"FROM --platform=$2/amd64 $3"
}

# large_stream VOLUME: a stream of 200,000 bytes is lost on one kind of volume, and told.
large_stream() {
    local command=(copied --strict "$WIN:gzip:/Program Files/Streams/empty.txt" "$1/large.txt")
    if [[ $1 == wsl ]]; then
        "${command[@]}"
    else
        fails 5 'the alternate stream large cannot be written' "${command[@]}"
    fi
}

# What comes back of a folder differs from the image in what the volume could not hold, and where a
# context is no image: everything is root's, and of the attributes only user.* and capabilities count.
ntfs_03_context() {
    local volume
    local context=(--ignore=uid --ignore=gid)
    for volume in "${VOLUMES[@]}"; do
        once "$volume"
        check "$volume: COPY of Windows' files to Windows" copied_in "$volume" w windows
        check "$volume: they are what they were" compare roundtrip \
            $(streams_of "$volume") win:gzip:/ "$volume-w-windows:/x"
        check "$volume: COPY of Windows' files to Linux" copied_in "$volume" w linux
        check "$volume: they are what Linux has of them" compare crosscopy \
            $(streams_of "$volume") win:gzip:/ "$volume-w-linux:/x"
        check "$volume: COPY of Linux' files to Linux" copied_in "$volume" l linux
        check "$volume: they are what they were, too" compare roundtrip \
            "${context[@]}" lin:latest:/ "$volume-l-linux:/x"
        check "$volume: COPY of Linux' files to Windows" copied_in "$volume" l windows
        check "$volume: they are what Windows has of them" compare crosscopy \
            "${context[@]}" lin:latest:/ "$volume-l-windows:/x"
    done
}

streams_of() { [[ $1 == wsl ]] || echo --ignore=streams; }

# copied_in VOLUME FOLDER OS: an image VOLUME-FOLDER-OS with the folder at /x.
copied_in() {
    rm -rf "$1-$2-$3"
    built "$1/$2" --platform "$3/amd64" --on-collision rename \
        -o "type=oci-layout,dest=$1-$2-$3" <<'DOCKERFILE'
FROM scratch
COPY . /x/
DOCKERFILE
}

ntfs_04_load() {
    local volume
    for volume in "${VOLUMES[@]}"; do
        once "$volume"
        check "$volume: load of Windows' files for Windows" loaded "$volume" w windows
        check "$volume: they are what they were" compare roundtrip \
            $(streams_of "$volume") win:gzip:/ "$volume-w-windows-load:/"
        check "$volume: load of Linux' files for Linux" loaded "$volume" l linux
        check "$volume: they are what they were, too" compare roundtrip \
            lin:latest:/ "$volume-l-linux-load:/"
        check "$volume: load of Windows' files for Linux" loaded "$volume" w linux
        check "$volume: they are what Linux has of them" compare crosscopy \
            $(streams_of "$volume") win:gzip:/ "$volume-w-linux-load:/"
        check "$volume: load of Linux' files for Windows" loaded "$volume" l windows
        # In an empty Windows image, which has files of its own.
        check "$volume: they are what Windows has of them" compare crosscopy --partial \
            lin:latest:/ "$volume-l-windows-load:/"
    done
}

# loaded VOLUME FOLDER OS: an image VOLUME-FOLDER-OS-load of the folder as root file system.
loaded() {
    local name=$1-$2-$3
    rm -rf "$name-load"
    mkdir -p empty
    "$CROSSDOCK" load -q --os "$3" --on-collision rename -t "$name" "$1/$2" &&
        built empty --platform "$3/amd64" -o "type=oci-layout,dest=$name-load" <<<"FROM $name"
}

# A volume that takes only names that Windows' own programs can open.
ntfs_05_names() {
    check 'windows_names: a volume' new_volume strict
    check 'windows_names: names that Linux alone has' copied "$LIN:latest:/opt/links" strict/
    check 'windows_names: they are there' judged strict lin:latest:/opt/links links
    check 'windows_names: a device name is refused, and says why' \
        fails 4 'AUX.txt.*windows_names' "$CROSSDOCK" cp "$LIN:latest:/opt/names" strict/
}

# A store on NTFS gives the same images, and is cleaned up.
ntfs_06_store() {
    once wsl
    check 'store: a build with the store elsewhere' store_build store images
    check 'store: a build with the store on NTFS' store_build wsl/store images-ntfs
    check 'store: the same images' same_digest images/windows images-ntfs/windows
    check 'store: the same images, again from the cache' store_build wsl/store images-again
    check 'store: they are' same_digest images/linux images-ntfs/linux images-again/linux
    check 'store: prune' "$CROSSDOCK" --root wsl/store prune --all
    check 'store: after that, too' store_build wsl/store images-pruned
    check 'store: the same again' same_digest images/windows images-pruned/windows
}

# store_build STORE OUT: images for both systems, of both bases.
store_build() {
    local os
    mkdir -p store-context
    echo content >store-context/file
    touch -d @1700000000 store-context/file store-context
    for os in linux windows; do
        built store-context --root "$1" --platform "$os/amd64" --on-collision rename \
            -o "type=oci-layout,dest=$2/$os" <<DOCKERFILE || return 1
FROM --platform=linux/amd64 $LIN:latest AS linux
FROM --platform=windows/amd64 $WIN:gzip AS windows
FROM --platform=$os/amd64 $([[ $os == linux ]] && echo "$LIN:latest" || echo "$WIN:gzip")
COPY --from=linux /opt/ /from-linux/
COPY --from=windows ["/Program Files/", "/from-windows/"]
COPY file /
DOCKERFILE
    done
}

# Where the volume knows owners, an ordinary user gives nothing away: descriptors are kept elsewhere.
ntfs_07_user() {
    check 'user: a volume' new_volume user
    mkdir user-home bin
    cp "$CROSSDOCK" bin/crossdock
    chmod 755 "$work"
    chmod -R a+rX win lin bin
    chmod 777 user user-home
    check 'user: the Windows image' as_nobody cp -q "$WIN:gzip:/." user/w
    check 'user: it is there, and what it may not set' judged user win:gzip:/ w
    check 'user: files of Linux' as_nobody cp -q "$LIN:latest:/usr" user/
    check 'user: they are there' judged user lin:latest:/usr usr
    check 'user: COPY of Windows'"'"' files to Windows' copied_in user w windows
    check 'user: they are what they were' compare roundtrip win:gzip:/ user-w-windows:/x
}

as_nobody() {
    runuser -u nobody -- env HOME="$work/user-home" bin/crossdock --root user-home/store "$@"
}

# The judge sees each kind of change.
ntfs_08_judge() {
    local change
    check 'judge: a volume' new_volume judge
    for change in attributes times descriptor ea reparse stream content name mark; do
        rm -rf judge/Streams judge/Links
        check "judge: $change: files" copied "$WIN:gzip:/Program Files/Streams" \
            "$WIN:gzip:/Program Files/Links" judge/
        check "judge: $change: changed" python3 "$here/ntfs_change.py" "$change" judge
        check "judge: $change: seen" not_judged
    done
}

not_judged() {
    ! judged judge 'win:gzip:/Program Files/Streams' Streams ||
        ! judged judge 'win:gzip:/Program Files/Links' Links
}
