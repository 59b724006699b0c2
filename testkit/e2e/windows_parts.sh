# shellcheck shell=bash
# The parts of windows.sh; each stands alone after `prepare`. What the Linux program does happens in
# the folder `linux`, what the Windows program does under Wine in `windows`, with a store in each.
# All paths are relative, or those of Linux: under Wine they are on the drive of the folder.

# on HOST ARGUMENT...: the program of `linux` or `windows`, in the folder of that name.
on() {
    local host=$1 program=$LINUX_PROGRAM
    shift
    [[ $host == linux ]] || program=$WINDOWS_PROGRAM
    (cd "$host" && CROSSDOCK_ROOT=${STORE:-store} timeout 600 "$program" "$@")
}

# both ARGUMENT...: both programs do the same, print the same and end with the same code, which is
# CODE or 0. `HOST` in an argument becomes the folder's name. Output is kept in HOST/out.
both() {
    local host code
    for host in linux windows; do
        code=0
        on "$host" "${@//HOST/$host}" >"$host/out" 2>"$host/err" || code=$?
        echo "$host: $code"
        cat "$host/err"
        [[ $code == ${CODE:-0} ]] || return 1
    done
    diff linux/out windows/out
}

# same FILE...: a file or folder is the same in both folders.
same() {
    local path
    for path in "$@"; do
        [[ -e linux/$path ]] || { echo "there is no linux/$path"; return 1; }
        diff -r "linux/$path" "windows/$path" || return 1
    done
}

# same_stores STORE: what the stores hold. But for the memories of contexts, which are of a place and
# its file system, and checkpoints: where they are depends on the pieces in which a blob came.
same_stores() {
    same "$1"/{blobs,index.json,oci-layout,crossdock/{version,indexes,pairs,cache,damaged}}
}

# same_context <Dockerfile: a context in `context`, whose modes are those of docker's rule for
# Windows: 0755, or 0555 for what is read-only.
same_context() {
    rm -rf context
    mv "$(make_context)" context
    printf 'read only\n' >context/fixed.txt
    [[ -z ${ADDED:-} ]] || cp "$ADDED" context/
    # Windows' times are those of 100 nanoseconds.
    find context -exec touch -h -d @1700000000.1234567 {} +
    chmod -R 755 context
    chmod 555 context/fixed.txt
}

# pushed_twins NAME: HOST/linux/NAME and HOST/windows/NAME are one image.
pushed_twins() {
    local digest
    digest=$(remote_digest "linux/$1")
    echo "$digest $(remote_digest "windows/$1")"
    [[ $digest == "$(remote_digest "windows/$1")" && $digest != "$(sha256sum </dev/null)" ]]
}

# twins NAME PLATFORM [OPTION...] <Dockerfile: both build and push it, and build it from the cache
# into everything that bytes can go to. (A layout has the image's name in it.)
twins() {
    local name=$1 platform=$2
    shift 2
    same_context
    check "$name" both build -q --platform "$platform" -t "$HOST/HOST/$name:1" --push "$@" ../context
    check "$name: one digest in the registry" pushed_twins "$name:1"
    check "$name: as a layout and as archives" both build -q --platform "$platform" \
        -t "$name:1" --metadata-file "$name.json" --iidfile "$name.id" \
        -o "type=oci-layout,dest=$name" -o "type=oci,dest=$name.oci.tar" \
        -o "type=docker,dest=$name.docker.tar" "$@" ../context
    check "$name: its files" both build -q --platform "$platform" \
        -o "type=tar,dest=$name.tar" "$@" ../context
    check "$name: they are equal, byte for byte" \
        same "$name" "$name".{oci.tar,docker.tar,tar,json,id}
}

# host_images: a registry with the images that all parts use.
host_images() {
    start_registry "$1"
    check 'the bases' bases
    check 'a real Debian' to_registry debian:latest debian:12
}

wine_1_pull() {
    host_images wine-pull
    check 'pull Debian' both pull -q --platform linux/amd64 "$HOST/debian:12"
    check 'pull Windows' both pull -q --platform windows/amd64 "$HOST/base/win:gzip"
    check 'pull a whole index' both pull -q --all-platforms "$HOST/base/lin:latest"
    check 'names are told alike' both images
    check 'the stores are equal' same_stores store
    check 'the store of Windows is whole' whole windows/store --no-leftovers
    CODE=1 check 'an unknown image' both pull -q "$HOST/nobody:1"
    check 'its error is the same' same err
    check 'push' both push -q "$HOST/base/lin:latest"
    check 'names that no file of Windows may have' odd_names
    stop_all
}

# Names of images are never names of files.
odd_names() {
    local name
    for name in con:aux nul/com1.x:lpt1 a:trailing. b:A c:a; do
        both tag "$HOST/debian:12" "$name" && both ls "$name" /etc && both save "$name" -o odd.tar &&
            same odd.tar && both rmi "$name" || return
    done
    same_stores store
}

wine_2_builds() {
    host_images wine-builds
    {
        debian_to_windows | sed "s#$DEBIAN#$HOST/debian:12#; s#$WIN:gzip#$HOST/base/win:gzip#"
        echo 'COPY --chmod=0644 ["read me.txt", "C:\\app\\text\\"]'
        echo 'COPY . C:\all\'
    } >l2w.in
    twins debian-to-windows windows/amd64 <l2w.in
    check 'the validator accepts it' validate windows/debian-to-windows --skip 4
    check 'skopeo reads it' from_registry windows/debian-to-windows:1 win-read windows
    check 'it is what was copied' compare crosscopy debian:/usr/bin win-read:/tools/bin
    tar -C "$here" --sort=name --mtime=@1700000000 -czf added.tar.gz lib.sh run.sh
    {
        echo "FROM --platform=windows/amd64 $HOST/base/win:gzip AS windows"
        echo "FROM --platform=linux/amd64 $HOST/base/lin:gzip AS odd"
        echo 'COPY --chmod=u=rwX,go=rX app.exe /bin/'
        echo "FROM --platform=linux/amd64 $HOST/debian:12"
        echo 'WORKDIR /tools'
        copies windows /w "${WINDOWS_PATHS[@]}"
        copies odd /o "${ODD_PATHS[@]}"
        echo 'COPY --from=odd /bin/app.exe /app/'
        echo 'COPY --link --chown=1000:1000 . /all/'
        echo 'ADD --chmod=0640 added.tar.gz /unpacked/'
        echo 'COPY <<END /here/document'
        echo 'text'
        echo 'END'
    } >w2l.in
    ADDED=added.tar.gz twins mixed-to-linux linux/amd64 <w2l.in
    check 'skopeo reads it' from_registry windows/mixed-to-linux:1 lin-read linux
    check 'it is what was copied' \
        compare crosscopy 'win:gzip:/Program Files' lin-read:/w/Program_Files
    check 'all comes from the cache' all_from_cache
    odd_to_windows >odd.in
    twins odd-to-windows windows/amd64 --on-collision rename <odd.in
    windows_to_scratch >scratch.in
    twins windows-to-scratch linux/amd64 <scratch.in
    other_modes
    check 'the stores are equal' same_stores store
    check 'the store of Windows is whole' whole windows/store --no-leftovers
    stop_all
}

# other_modes: contexts whose files have modes on Linux and none on Windows.
other_modes() {
    printf 'FROM scratch\nCOPY . /all/\n' | same_context
    chmod 600 context/app.exe
    check 'modes by the rule of docker' both build -q --platform linux/amd64 \
        --context-modes docker ../context
    # Not git's own files, whose times are those of their making.
    printf '.git\n.dockerignore\n' >context/.dockerignore
    git -C context init -q
    git -C context add .
    git -C context update-index --chmod=-x fixed.txt 'read me.txt'
    chmod -R 755 context
    check 'modes of a checkout' both build -q --platform linux/amd64 --context-modes git ../context
    check 'which are those that Windows takes by itself' modes_of_checkout
}

modes_of_checkout() {
    on windows build -q --platform linux/amd64 ../context >windows/auto &&
        cmp linux/out windows/auto &&
        STORE=store-modes on linux build -q --platform linux/amd64 ../context >linux/auto &&
        ! cmp linux/auto windows/auto
}

# all_from_cache: a build of what was just built does nothing.
all_from_cache() {
    local host
    for host in linux windows; do
        on "$host" build --progress plain --platform linux/amd64 -t again:1 ../context \
            >"$host/again.log" 2>&1 || return
        all_cached "$host/again.log" || return
    done
}

wine_3_index() {
    start_registry wine-index
    CROSSDOCK=$LINUX_PROGRAM
    check 'bases for five platforms' bases_of_all_versions
    dockerfile_of_index | same_context
    check 'five images in one command' both build -q --platform "$ALL_PLATFORMS" \
        -t "$HOST/HOST/app:1" --push ../context
    check 'one digest in the registry' pushed_twins app:1
    check 'the index is right' index_of windows/app:1 \
        'platforms == ["linux/amd64", "linux/arm64"] + [f"windows({v})/amd64" for v in
            "10.0.17763.6054 10.0.20348.2700 10.0.26100.1742".split()]'
    check 'as a layout' both build -q --platform "$ALL_PLATFORMS" -t app:1 \
        -o type=oci-layout,dest=index ../context
    check 'it is equal, byte for byte' same index
    check 'added to a layout that is there' both build -q --platform linux/amd64 -t app:2 \
        -o type=oci-layout,dest=index ../context
    check 'it is equal again' same index
    check 'the stores are equal' same_stores store
    stop_all
}

# looks IMAGE NAME: all that can be asked of an image is answered alike.
looks() {
    local image=$1 name=$2 question
    # The words of a question are arguments, and no file here has such a name.
    local questions=('ls -R' 'ls -lR --format json' tree 'du --bytes' history inspect
        'inspect --format json' 'find / -name [a-d]*.s?' 'check --format json --level warning')
    for question in "${questions[@]}"; do
        # shellcheck disable=SC2086
        check "$name: $question" answered "$image" $question
    done
}

# answered IMAGE COMMAND ARGUMENT...: both print the same.
answered() {
    local image=$1
    shift
    # Of find the words behind the image are paths and tests.
    if [[ $1 == find ]]; then both "$1" "$image" "${@:2}"; else both "$@" "$image"; fi
}

wine_4_browse() {
    looks "$DEBIAN" Debian
    looks "$WIN:gzip" Windows
    looks "$LIN:gzip" 'odd Linux'
    check 'stat' both stat --format json "$DEBIAN" /etc/passwd /usr/bin/perl
    check 'stat of Windows' both stat --format json "$WIN:gzip" 'c:\windows\SYSTEM32'
    check 'cat' both cat "$WIN:gzip" 'C:\Windows\System32\large.dll'
    CODE='[01]' check 'diff' both diff "$LIN:gzip" "$LIN:latest"
    check 'cp to a tar' both cp -q "$WIN:gzip:/." -
    check 'cp of Linux to a tar' both cp -q "$LIN:gzip:/." -
    check 'save' both save "$WIN:gzip" "$DEBIAN" -o saved.tar
    check 'the archive is equal' same saved.tar
    check 'skopeo makes an archive for docker' \
        skopeo copy -q oci:debian:latest "docker-archive:$work/docker.tar:app:1"
    check 'load' both load ../docker.tar
    check 'and save again' both save app:1 -o again.tar
    check 'the archive is equal' same again.tar
    check 'a file comes out' both cp -q "$DEBIAN:/etc/debian_version" out.txt
    check 'and is equal' same out.txt
    printf 'FROM %s\nCOPY --from=%s /var/lib/dpkg/info /info\n' scratch "$DEBIAN" | same_context
    check 'files in a folder' both build -q --platform linux/amd64 -o type=local,dest=files ../context
    check 'are equal' files_with_colons
}

# files_with_colons: what is in the folder `files`, whose names Windows has with another letter for
# each colon.
files_with_colons() {
    python3 - <<'PYTHON'
import os
read = lambda root: {
    os.path.relpath(os.path.join(folder, name), root).replace("\uf03a", ":"):
        open(os.path.join(folder, name), "rb").read()
    for folder, _, names in os.walk(root) for name in names}
linux, windows = read("linux/files"), read("windows/files")
print(sorted(set(linux) ^ set(windows)))
assert linux == windows and any(":" in name for name in linux)
PYTHON
}

wine_5_logins() {
    local config
    start_registry wine-closed auth tls
    check 'the base' to_closed_registry
    CODE=4 check 'an unknown authority' both pull -q --platform linux/amd64 "$HOST/base:1"
    check 'is told alike' same err
    export SSL_CERT_FILE=$work/ca.crt
    CODE=1 check 'no login' both pull -q --platform linux/amd64 "$HOST/base:1"
    check 'is told alike' same err
    config=$(echo "$WINEPREFIX"/drive_c/users/*/.docker/config.json)
    printf 'wrong\n' >password
    CODE=1 check 'a wrong password' login_both
    printf 'pass:word\r\n' >password
    check 'a password in a file, with a line end of Windows' login_both
    check 'the files are equal' cmp "$HOME/.docker/config.json" \
        "$(echo "$WINEPREFIX"/drive_c/users/*/.docker/config.json)"
    check 'then pull works' both pull -q --platform linux/amd64 "$HOST/base:1"
    printf 'FROM %s/base:1\nCOPY app.exe /\n' "$HOST" | same_context
    check 'and a build' both build -q --platform linux/amd64 -t "$HOST/HOST:1" --push ../context
    unset SSL_CERT_FILE
    # As docker has it for one registry; no file of Windows has a colon in its name.
    mkdir -p "$HOME/.docker/certs.d/$HOST" \
        "$WINEPREFIX/drive_c/ProgramData/docker/certs.d/${HOST/:/}"
    cp ca.crt "$HOME/.docker/certs.d/$HOST/"
    cp ca.crt "$WINEPREFIX/drive_c/ProgramData/docker/certs.d/${HOST/:/}/"
    check 'the authority in a folder of docker' both push -q "$HOST/base:1"
    check 'logout' on linux logout "$HOST"
    check 'logout under Wine' on windows logout "$HOST"
    CODE=1 check 'and it is locked again' both pull -q --platform linux/amd64 "$HOST/base:1"
    check 'is told alike' same err
    stop_all
}

to_closed_registry() {
    skopeo copy -q --preserve-digests --dest-tls-verify=false --dest-creds 'somebody:pass:word' \
        oci:lin:gzip "docker://$HOST/base:1"
}

# login_both: to HOST, with the password of the file `password`.
login_both() {
    local host code
    for host in linux windows; do
        code=0
        on "$host" login -u somebody --password-stdin "$HOST" <password || code=$?
        echo "$host: $code"
        [[ $code -eq ${CODE:-0} ]] || return 1
    done
}

wine_6_prune() {
    host_images wine-prune
    check 'a name that stays' both pull -q --platform windows/amd64 "$HOST/base/win:gzip"
    check 'and one that goes' both pull -q --platform linux/amd64 "$HOST/debian:12"
    printf 'FROM %s/base/lin:gzip\nCOPY app.exe /\n' "$HOST" | same_context
    check 'a build without a name' both build -q --platform linux/amd64 ../context
    check 'rmi' both rmi "$HOST/debian:12"
    check 'what would go' both prune --dry-run
    check 'prune' both prune
    check 'the stores are equal' same_stores store
    check 'prune --all' prune_all
    check 'the stores are equal again' same_stores store
    check 'and whole' whole windows/store --no-leftovers
    check 'what is left is of use' both ls -R "$HOST/base/win:gzip"
    stop_all
}

# What is remembered of contexts depends on what the host tells of files.
prune_all() {
    local host
    for host in linux windows; do
        on "$host" prune --all >"$host/all" || return
        grep -v '^Build contexts\|^Total' "$host/all" >"$host/out"
    done
    diff linux/out windows/out
}

# One store for the programs of both systems, one after the other.
wine_7_one_store() {
    local store=$work/shared host other
    host_images wine-shared
    odd_to_windows | sed "s#$LIN:latest#$HOST/base/lin:latest#; s#$WIN:latest#$HOST/base/win:latest#" |
        same_context
    for host in linux windows; do
        other=windows
        [[ $host == linux ]] || other=linux
        rm -rf "$store"
        STORE=$store check "$host fills a store" on "$host" build -q --platform windows/amd64 \
            --on-collision rename -t "$HOST/shared/$host:1" --push ../context
        STORE=$store check "$other has all of it from the cache" cached_elsewhere "$other" "shared/$host:1"
        check 'it is the same image' same_remote shared/linux:1 "shared/$host:1"
        STORE=$store check "$other prunes it" on "$other" prune --all
        STORE=$store check "$host builds on" on "$host" ls -R "$HOST/shared/$host:1"
        check 'the store is whole' whole "$store" --no-leftovers
    done
    stop_all
}

# cached_elsewhere HOST NAME: the program of that host does nothing of what the other did for NAME.
cached_elsewhere() {
    on "$1" build --progress plain --platform windows/amd64 --on-collision rename -t again:1 \
        ../context >shared.log 2>&1 && all_cached shared.log &&
        on "$1" ls -R "$HOST/$2" >/dev/null
}

# A store and an output on a volume of NTFS.
wine_8_ntfs() {
    local place=${CROSSDOCK_E2E_NTFS:-}
    [[ -n $place ]] || {
        skip 'a store on NTFS' 'CROSSDOCK_E2E_NTFS is not set, and only root mounts one'
        return
    }
    host_images wine-ntfs
    odd_to_windows | sed "s#$LIN:latest#$HOST/base/lin:latest#; s#$WIN:latest#$HOST/base/win:latest#" |
        same_context
    local options=(build -q --platform windows/amd64 --on-collision rename)
    rm -rf "$place"/*
    check 'the image on Linux' on linux "${options[@]}" -t "$HOST/linux/ntfs:1" --push ../context
    check 'and its layout' on linux "${options[@]}" -t ntfs:1 -o type=oci-layout,dest=ntfs ../context
    STORE=$place/store check 'a store on NTFS under Wine' \
        on windows "${options[@]}" -t "$HOST/windows/ntfs:1" --push ../context
    check 'gives one digest' pushed_twins ntfs:1
    STORE=$place/store check 'a layout on NTFS' \
        on windows "${options[@]}" -t ntfs:1 -o "type=oci-layout,dest=$place/ntfs" ../context
    check 'is equal, byte for byte' diff -r linux/ntfs "$place/ntfs"
    STORE=$place/store check 'the Linux program has all of it from the cache' \
        cached_elsewhere linux windows/ntfs:1
    STORE=$place/store check 'it is removed' on windows prune --all
    check 'and the store is whole' whole "$place/store" --no-leftovers
    stop_all
}

wine_9_kill() {
    CROSSDOCK=$LINUX_PROGRAM
    KILLED_PROGRAM=$WINDOWS_PROGRAM registry_5_kill
}

wine_9_interrupt() {
    head -c 150000000 /dev/urandom >large
    same_context <<<$'FROM scratch\nCOPY large /large\n'
    mv large context/
    check 'Ctrl-C while a layer is written' interrupted
    check 'leaves nothing' nothing_in windows/store/crossdock/tmp windows/interrupted
    check 'and the store is whole' whole windows/store --no-leftovers
    check 'which the next one finds' on windows images
    check 'removing what was left' test -z "$(ls windows/store/crossdock/tmp)"
}

# interrupted: Wine makes Ctrl-C of the signal.
interrupted() {
    local pid code=0
    (cd windows && CROSSDOCK_ROOT=store exec "$WINDOWS_PROGRAM" build --platform linux/amd64 \
        -o type=oci-layout,dest=interrupted ../context) >interrupted.log 2>&1 &
    pid=$!
    for _ in {1..1000}; do
        [[ -z $(find windows/store/crossdock/tmp -type f -size +4M 2>/dev/null) ]] || break
        kill -0 "$pid" || { cat interrupted.log; echo 'it ended too early'; return 1; }
        sleep 0.01
    done
    kill -INT "$pid"
    wait "$pid" || code=$?
    cat interrupted.log
    [[ $code -eq 130 ]] && grep -q '^interrupted' interrupted.log
}

# nothing_in PATH...: there is no file. Wine, and Windows where it cannot remove open files, leave the
# folder of the process: the next one removes it.
nothing_in() {
    local left
    left=$(find "$@" -type f 2>/dev/null)
    echo "$left"
    [[ -z $left ]]
}
