# shellcheck shell=bash
# The parts of the end-to-end test; each `part_…` stands alone after `prepare`.

# Folders of Debian that are copied, with what they hold that is hard: usr-merged links and programs
# with their libraries, names with colons, absolute links, capabilities and devices.
DEBIAN_PATHS=(/usr/bin /usr/lib /usr/local /var/lib/dpkg /etc)
# The same of the fixtures' Linux image, whose every corner is odd.
ODD_PATHS=(/opt/names /opt/links /opt/xattrs /opt/hard /opt/gnu /opt/opaque /dev /usr /var/lib/dpkg)
# Folders of the Windows image, as Linux tools name them.
WINDOWS_PATHS=(/Windows/System32 /Windows/Links /Windows/AppPatch /Windows/Old /Windows/inf
    /Windows/Updated /Windows/Times '/Program Files' /ProgramData /Users)

# short PATH: a name for it without slashes and spaces.
short() { tr -c 'A-Za-z0-9\n' _ <<<"${1#/}"; }

# copies FROM PREFIX PATH...: COPY instructions that put each folder under PREFIX.
copies() {
    local from=$1 prefix=$2 path
    for path in "${@:3}"; do
        printf 'COPY --from=%s ["%s/", "%s/%s/"]\n' "$from" "$path" "$prefix" "$(short "$path")"
    done
}

prepare() {
    echo "== images"
    [[ -s $cache/debian.tar ]] || {
        echo "$cache/debian.tar is not there; run $here/debian.sh $cache as root" >&2
        echo "0 passed, 1 failed"
        exit 1
    }
    "$CROSSDOCK_FIXTURES" windows-base win
    "$CROSSDOCK_FIXTURES" linux-base lin
    "$CROSSDOCK_FIXTURES" hostile hostile
    "$CROSSDOCK_FIXTURES" layout-from-tar "$cache/debian.tar" debian --os linux --gzip
    find win lin debian -type f -exec sha256sum {} + >sources.sums
    WIN=oci-layout://$work/win
    LIN=oci-layout://$work/lin
    DEBIAN=oci-layout://$work/debian
}

# The Dockerfile of the issue, and more of Debian.
debian_to_windows() {
    cat <<DOCKERFILE
# escape=\`
FROM --platform=linux/amd64 $DEBIAN AS linux
FROM --platform=windows/amd64 $WIN:gzip
WORKDIR C:\\tools
COPY --from=linux /usr/bin/ bin/
$(copies linux /l "${DEBIAN_PATHS[@]}")
COPY app.exe C:\\app\\
DOCKERFILE
}

odd_to_windows() {
    cat <<DOCKERFILE
FROM --platform=linux/amd64 $LIN:latest AS linux
FROM --platform=windows/amd64 $WIN:latest
$(copies linux /l "${ODD_PATHS[@]}")
DOCKERFILE
}

windows_to_debian() {
    cat <<DOCKERFILE
FROM --platform=windows/amd64 $WIN:latest AS windows
FROM --platform=linux/amd64 $DEBIAN
WORKDIR /tools
COPY app.exe /app/
$(copies windows /w "${WINDOWS_PATHS[@]}")
DOCKERFILE
}

windows_to_scratch() {
    cat <<DOCKERFILE
FROM --platform=windows/amd64 $WIN:latest AS windows
FROM --platform=linux/amd64 scratch
$(copies windows /w "${WINDOWS_PATHS[@]}")
DOCKERFILE
}

linux_to_scratch_windows() {
    cat <<DOCKERFILE
FROM --platform=linux/amd64 $LIN:gzip AS linux
FROM scratch
$(copies linux /l /opt/links /usr /var/lib/dpkg)
DOCKERFILE
}

# As `check` gives its command no input, the Dockerfile comes as a file.
build_from() { build "$@" <dockerfile.in; }

# Before a check: takes the Dockerfile from the standard input.
check_build() {
    local name=$1
    shift
    cat >dockerfile.in
    check "$name" build_from "$@"
}

part_01_fixtures() {
    check 'the Windows image breaks only rules that exports break' \
        validate win --tag single --tolerate-exports
    check 'skopeo reads the Windows image' \
        skopeo inspect --override-os windows "oci:$work/win:latest"
    check 'skopeo copies the Linux image' skopeo copy -q "oci:$work/lin:gzip" "oci:$work/lin-copy:l"
    check 'the copy is the same image' compare roundtrip lin:latest lin-copy:l
    check 'umoci unpacks the Linux image' \
        umoci unpack --rootless --image "$work/lin:gzip" "$work/lin-unpacked"
    check 'zstd, plain and gzip hold the same' compare roundtrip win:single win:docker-list
}

part_02_linux_to_windows() {
    local path
    debian_to_windows | check_build 'Debian into Windows' store l2w windows/amd64
    check 'the validator accepts all new layers' validate l2w --skip 4
    check 'the base layers are the base blobs, bit for bit' base_layers l2w win gzip
    check 'skopeo inspects it' skopeo inspect --override-os windows "oci:$work/l2w:latest"
    check 'os.version in config and index' image l2w \
        'config["os.version"] == entry["platform"]["os.version"] == "10.0.26100.2314"'
    check 'os.features from the base' image l2w 'config["os.features"] == ["win32k"]'
    check 'WORKDIR as Windows has it' image l2w 'config["config"]["WorkingDir"] == r"\tools"'
    check 'no PATH' image l2w 'not config["config"].get("Env")'
    check 'bin' compare crosscopy debian:/usr/bin l2w:/tools/bin
    for path in "${DEBIAN_PATHS[@]}"; do
        check "$path" compare crosscopy "debian:$path" "l2w:/l/$(short "$path")"
    done
    check 'nothing of the base changed' compare roundtrip --partial win:gzip l2w
    check 'the context'"'"'s file' listed l2w /app/app.exe 'file  0644 0:0 .* app.exe'

    odd_to_windows | check_build 'odd names and links into Windows' store odd2w windows/amd64
    check 'the validator accepts them' validate odd2w --skip 4
    for path in "${ODD_PATHS[@]}"; do
        check "$path" compare crosscopy "lin:latest:$path" "odd2w:/l/$(short "$path")"
    done
}

# listed LAYOUT PATH PATTERN: tree.py's line of a file matches.
listed() {
    python3 "$here/tree.py" "$1:${2%/*}" | grep -E "$3"
}

# base_layers OUT BASE TAG: the first layers of OUT are BASE's.
base_layers() {
    python3 - "$@" <<'PYTHON'
import json, sys
out, base, tag = sys.argv[1:]
load = lambda layout, d: json.load(open(f"{layout}/blobs/" + d["digest"].replace(":", "/")))
key = "org.opencontainers.image.ref.name"
tagged = lambda layout, tag: next(
    d for d in json.load(open(f"{layout}/index.json"))["manifests"]
    if d["annotations"][key] == tag)
old = load(base, tagged(base, tag))["layers"]
new = load(out, json.load(open(f"{out}/index.json"))["manifests"][0])["layers"]
same = [(d["digest"], d["size"], d["mediaType"]) for d in old]
assert same == [(d["digest"], d["size"], d["mediaType"]) for d in new[: len(old)]], new
for digest, size, _ in same:
    path = "/blobs/" + digest.replace(":", "/")
    assert open(out + path, "rb").read() == open(base + path, "rb").read(), digest
PYTHON
}

part_03_windows_to_linux() {
    local path
    windows_to_debian | check_build 'Windows into Debian' store w2l linux/amd64
    check 'the validator accepts the new layers' validate w2l --skip 1
    check 'skopeo inspects it' skopeo inspect "oci:$work/w2l:latest"
    check 'no os.version' image w2l '"os.version" not in config'
    check 'PATH stays' image w2l 'config["config"]["Env"] == ["PATH=/usr/bin:/bin"]'
    for path in "${WINDOWS_PATHS[@]}"; do
        check "$path" compare crosscopy "win:latest:$path" "w2l:/w/$(short "$path")"
    done
    check 'nothing of the base changed' compare roundtrip --partial debian w2l
    check 'umoci unpacks it' umoci unpack --rootless --image "$work/w2l:latest" "$work/w2l-unpacked"
    local root=w2l-unpacked/rootfs
    check 'umoci: a file of Windows' test -s "$root/w/Windows_System32/large.dll"
    check 'umoci: a link' test "$(readlink "$root/w/Program_Files/Links/file relative")" = \
        Directory/file.txt
    check 'umoci: names are plain' test -f "$root/w/Program_Files/Names/日本語.txt"
    check 'umoci: hard links' test "$root/w/Windows_Links/many-000.txt" -ef \
        "$root/w/Windows_Links/many-199.txt"
}

part_04_round_trips() {
    local path
    once_all
    # Each second half in a store of its own, from the image as it was exported.
    linux_back l2w debian | check_build 'Debian back from Windows' store-a l2w2l linux/amd64
    for path in "${DEBIAN_PATHS[@]}"; do
        check "L→W→L $path" compare roundtrip "debian:$path" "l2w2l:/back/$(short "$path")"
    done
    odd_back odd2w | check_build 'odd names back from Windows' store-b odd2w2l linux/amd64
    for path in "${ODD_PATHS[@]}"; do
        check "L→W→L odd $path" compare roundtrip $(odd_exceptions "$path") \
            "lin:latest:$path" "odd2w2l:/back/$(short "$path")"
    done
    windows_back w2l | check_build 'Windows back from Debian' store-c w2l2w windows/amd64
    check 'the validator accepts the way back' validate w2l2w --skip 4
    for path in "${WINDOWS_PATHS[@]}"; do
        check "W→L→W $path" compare roundtrip "win:latest:$path" "w2l2w:/back/$(short "$path")"
    done
    # Through a tool that knows nothing of this.
    check 'skopeo copies the Windows image' \
        skopeo copy -q --override-os windows "oci:$work/l2w:latest" "oci:$work/l2w-copy:latest"
    check 'skopeo copies the Linux image' skopeo copy -q "oci:$work/w2l:latest" "oci:$work/w2l-copy:latest"
    linux_back l2w-copy debian | check_build 'back from the copy' store-d l2w2l-copy linux/amd64
    check 'L→W→L through skopeo is the same' same_layers l2w2l l2w2l-copy
    windows_back w2l-copy | check_build 'back from the Linux copy' store-d w2l2w-copy windows/amd64
    check 'W→L→W through skopeo is the same' same_layers w2l2w w2l2w-copy
}

# The images of the parts before, if this part is run alone.
once_all() {
    [[ -d l2w ]] || debian_to_windows | check_build 'Debian into Windows' store l2w windows/amd64
    [[ -d odd2w ]] || odd_to_windows | check_build 'odd into Windows' store odd2w windows/amd64
    [[ -d w2l ]] || windows_to_debian | check_build 'Windows into Debian' store w2l linux/amd64
}

linux_back() {
    local path
    echo "FROM --platform=windows/amd64 oci-layout://$work/$1 AS windows"
    echo "FROM --platform=linux/amd64 oci-layout://$work/$2"
    for path in "${DEBIAN_PATHS[@]}"; do
        printf 'COPY --from=windows /l/%s/ /back/%s/\n' "$(short "$path")" "$(short "$path")"
    done
}

odd_back() {
    local path
    echo "FROM --platform=windows/amd64 oci-layout://$work/$1 AS windows"
    echo "FROM --platform=linux/amd64 scratch"
    for path in "${ODD_PATHS[@]}"; do
        printf 'COPY --from=windows /l/%s/ /back/%s/\n' "$(short "$path")" "$(short "$path")"
    done
}

windows_back() {
    local path
    echo "FROM --platform=linux/amd64 oci-layout://$work/$1 AS linux"
    echo "FROM --platform=windows/amd64 $WIN:gzip"
    for path in "${WINDOWS_PATHS[@]}"; do
        printf 'COPY --from=linux /w/%s/ /back/%s/\n' "$(short "$path")" "$(short "$path")"
    done
}

# What a round trip does not give back, as the build said: more names of a file than NTFS allows.
odd_exceptions() {
    [[ $1 != /opt/hard ]] || echo '--ignore=hard-links'
}

# same_layers A B: the same diff ids and blobs.
same_layers() {
    python3 - "$@" <<'PYTHON'
import json, sys
def layers(layout):
    load = lambda d: json.load(open(f"{layout}/blobs/" + d["digest"].replace(":", "/")))
    manifest = load(json.load(open(f"{layout}/index.json"))["manifests"][0])
    return [d["digest"] for d in manifest["layers"]], load(manifest["config"])["rootfs"]["diff_ids"]
a, b = map(layers, sys.argv[1:])
assert a == b, (a, b)
PYTHON
}

part_05_determinism() {
    local dockerfile
    for dockerfile in odd_to_windows windows_to_scratch; do
        local os=windows
        [[ $dockerfile == windows_to_scratch ]] && os=linux
        "$dockerfile" | check_build "$dockerfile, once" store-1 "$dockerfile-1" "$os/amd64"
        "$dockerfile" | check_build 'again, in the same store' store-1 "$dockerfile-2" "$os/amd64"
        check 'everything came from the cache' all_cached "$dockerfile-2.log"
        "$dockerfile" | check_build 'without the cache' store-1 "$dockerfile-3" "$os/amd64" --no-cache
        "$dockerfile" | check_build 'in another store' store-2 "$dockerfile-4" "$os/amd64"
        check 'on one thread' one_core "$dockerfile" "$os"
        check "$dockerfile gives one digest" same_digest "$dockerfile"-{1,2,3,4,5}
    done
    odd_to_windows >dockerfile.in
    check 'SOURCE_DATE_EPOCH' env SOURCE_DATE_EPOCH=1000000000 bash -c \
        'source "$0/lib.sh"; here=$0; build store-1 epoch windows/amd64 <dockerfile.in' "$here"
    check 'no time of what is copied is later' no_later_time epoch 1000000000 Files/l/
}

one_core() { "$1" >dockerfile.in && taskset -c 0 bash -c '
    source "$0/lib.sh"; build store-3 "$1" "$2" <dockerfile.in' "$here" "$1-5" "$2/amd64"; }

# all_cached LOG: every COPY of the log is followed by CACHED.
all_cached() {
    local steps cached
    steps=$(grep -c '^#.*\] \(COPY\|WORKDIR\|ADD\)' "$1")
    cached=$(grep -c '^#[0-9]* CACHED' "$1")
    echo "$steps steps, $cached cached"
    ((steps > 0 && steps == cached))
}

# no_later_time LAYOUT SECONDS PREFIX: no entry whose name begins with that has a later time.
no_later_time() {
    python3 - "$here" "$@" <<'PYTHON'
import json, sys
here, layout, limit, prefix = sys.argv[1:]
sys.path.insert(0, here)
import tarstream
load = lambda d: json.load(open(f"{layout}/blobs/" + d["digest"].replace(":", "/")))
manifest = load(json.load(open(f"{layout}/index.json"))["manifests"][0])
count = 0
for layer in manifest["layers"]:
    stream = tarstream.open_plain(f"{layout}/blobs/" + layer["digest"].replace(":", "/"))
    for member in tarstream.read(stream):
        if not member.name.startswith(prefix.encode()):
            continue
        count += 1
        times = [member.mtime] + [
            tarstream.pax_time(member.pax[k])
            for k in (b"atime", b"ctime", b"LIBARCHIVE.creationtime") if k in member.pax]
        assert max(times) <= int(limit) * 10**9, member
assert count
PYTHON
}

part_06_archive() {
    mkdir context.archive
    printf 'FROM --platform=windows/amd64 %s:gzip\nCOPY a /a/\n' "$WIN" >context.archive/Dockerfile
    echo a >context.archive/a
    check 'an archive' "$CROSSDOCK" --root store build --platform windows/amd64 -t name:tag \
        -o "type=oci,dest=out.tar" context.archive
    check 'skopeo inspects the archive' \
        skopeo inspect --override-os windows "oci-archive:$work/out.tar"
    mkdir unpacked-archive
    check 'it is a layout' tar -C unpacked-archive -xf out.tar
    check 'the validator accepts it' validate unpacked-archive --skip 4
}

part_07_collisions_and_losses() {
    {
        echo "FROM --platform=linux/amd64 $LIN:latest AS linux"
        echo "FROM --platform=windows/amd64 $WIN:latest"
        echo 'COPY --from=linux /opt/case/ /case/'
    } >case.in
    cp case.in dockerfile.in
    check 'collisions are an error' fails 1 'makefile' build_from store case-error windows/amd64
    check 'which names both' grep -q Makefile case-error.log
    check 'and writes nothing' test ! -e case-error
    check 'rename' build_from store case-rename windows/amd64 --on-collision rename
    check 'the validator accepts renamed' validate case-rename --skip 4
    check 'all are there' compare crosscopy lin:latest:/opt/case case-rename:/case
    {
        echo "FROM --platform=windows/amd64 oci-layout://$work/case-rename AS windows"
        echo "FROM --platform=linux/amd64 scratch"
        echo "COPY --from=windows /case/ /case/"
    } | check_build 'renamed and back' store case-back linux/amd64
    check 'with their names' compare roundtrip lin:latest:/opt/case case-back:/case
    cp case.in dockerfile.in
    check 'first' build_from store case-first windows/amd64 --on-collision first
    check 'the validator accepts the first' validate case-first --skip 4
    check 'first is a loss under --strict' fails 5 'lost' \
        build_from store case-strict windows/amd64 --on-collision first --strict
    check 'and writes nothing under --strict' test ! -e case-strict
    odd_to_windows >dockerfile.in
    check 'too many links are a loss under --strict' fails 5 'lost' \
        build_from store odd-strict windows/amd64 --strict
    odd_to_windows >dockerfile.in
    check 'without the other metadata' build_from store odd-drop windows/amd64 \
        --foreign-metadata drop
    check 'the validator accepts it' validate odd-drop --skip 4
    check 'the comparison sees that it is gone' fails 1 'xattrs: .* became' \
        compare crosscopy lin:latest:/opt/xattrs odd-drop:/l/opt_xattrs
    debian_to_windows >dockerfile.in
    check 'Debian loses nothing' build_from store debian-strict windows/amd64 --strict
}

part_08_scratch() {
    linux_to_scratch_windows >dockerfile.in
    check 'a Windows image from nothing' \
        build_from store scratch-win 'windows(10.0.20348.1)/amd64'
    check 'is a base layer that Windows accepts' validate scratch-win
    check 'with the version' image scratch-win \
        'config["os.version"] == entry["platform"]["os.version"] == "10.0.20348.1"'
    check 'umoci unpacks it' \
        umoci raw unpack --rootless --image "$work/scratch-win:latest" "$work/scratch-unpacked"
    chmod -R u+rwX scratch-unpacked
    check 'a hive is there' test "$(head -c 4 \
        scratch-unpacked/Files/Windows/System32/config/SYSTEM)" = regf
    if command -v hivexml >/dev/null; then
        check 'libhivex reads the hives' hives scratch-unpacked/Files/Windows/System32/config
    fi
    check '/usr' compare crosscopy lin:gzip:/usr scratch-win:/l/usr
    check 'without a version it warns' build_from store scratch-none windows/amd64
    check 'and names the flag' grep -q -- --platform scratch-none.log
}

hives() {
    local name
    for name in DEFAULT SAM SECURITY SOFTWARE SYSTEM; do
        hivexml "$1/$name" | grep '<hive' || return 1
    done
}

part_09_refusals() {
    {
        echo "FROM --platform=linux/amd64 $LIN:latest AS linux"
        echo 'COPY --from=linux /usr/ /x/'
        echo 'RUN true'
    } >dockerfile.in
    check 'RUN is refused' fails 1 'Dockerfile:3' build_from store refused linux/amd64
    check 'before any work' test ! -e refused
    printf 'FROM --platform=linux/amd64 %s:latest\nCOPY missing /\n' "$LIN" >dockerfile.in
    check 'a missing source' fails 1 'missing' build_from store refused linux/amd64
    printf 'FROM --platform=linux/amd64 oci-layout:///no/such/layout\nCOPY a /\n' >dockerfile.in
    check 'a missing layout' fails 1 '/no/such/layout' build_from store refused linux/amd64
    printf 'FROM --platform=linux/amd64 %s:no-such-tag\nCOPY a /\n' "$LIN" >dockerfile.in
    check 'an unknown tag' fails 1 'no-such-tag' build_from store refused linux/amd64
}

part_10_damage() {
    once_all
    odd_to_windows | check_build 'a store' store-x damage-0 windows/amd64
    local kind file number=0
    for kind in blobs/sha256 crossdock/indexes crossdock/pairs crossdock/cache; do
        for change in flip cut empty; do
            # Of each folder the largest file, which something needs.
            file=$(find "store-x/$kind" -type f -printf '%s %p\n' 2>/dev/null | sort -n | tail -1 |
                cut -d' ' -f2-)
            [[ -n $file ]] || continue
            number=$((number + 1))
            damage "$change" "$file"
            odd_to_windows >dockerfile.in
            check "$change in $kind" build_from store-x "damage-$number" windows/amd64
            check 'gives the same image' same_digest damage-0 "damage-$number"
            check 'whose blobs are whole' validate "damage-$number" --skip 4
        done
    done
    cp -r win win-damaged
    local blob
    blob=$(find win-damaged/blobs -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2-)
    damage flip "$blob"
    {
        echo "FROM --platform=windows/amd64 oci-layout://$work/win-damaged:gzip AS windows"
        echo 'FROM --platform=linux/amd64 scratch'
        echo 'COPY --from=windows /Windows/ /w/'
    } >dockerfile.in
    check 'a damaged base is refused' fails 3 'digest|corrupt|checksum' \
        build_from store-y damaged-base linux/amd64
    check 'and nothing is written' test ! -e damaged-base
    check 'also where its index is known' damaged_with_index
}

# A base whose layers were indexed from a sound copy, and damaged afterwards.
damaged_with_index() {
    sed "s#win-damaged#win#" dockerfile.in >sound.in
    build store-z sound-base linux/amd64 <sound.in
    fails 3 'digest|corrupt|checksum|content' \
        build store-z damaged-later linux/amd64 --no-cache <dockerfile.in
    [[ ! -e damaged-later ]]
}

damage() {
    python3 - "$@" <<'PYTHON'
import os, sys
change, path = sys.argv[1:]
os.chmod(path, 0o644)
size = os.path.getsize(path)
with open(path, "r+b") as file:
    if change == "flip":
        file.seek(size // 2)
        byte = file.read(1)[0]
        file.seek(size // 2)
        file.write(bytes([byte ^ 0x10]))
    else:
        file.truncate(size // 2 if change == "cut" else 0)
PYTHON
}

part_11_hostile() {
    local name class os wrong before
    hostile_dockerfile control linux >dockerfile.in
    check 'the sound one is read' build_from store-h hostile-control linux/amd64
    while IFS=$'\t' read -r name class os wrong; do
        hostile_dockerfile "$name" "$os" >dockerfile.in
        check "$name: $wrong" refuses "$name" "$class"
    done <hostile/hostile.tsv
    hostile_dockerfile control linux >dockerfile.in
    check 'the sound one again, in a store that saw them' \
        build_from store-h-name-up hostile-after linux/amd64
    check 'gives the same' same_digest hostile-control hostile-after
}

hostile_dockerfile() {
    echo "FROM --platform=$2/amd64 oci-layout://$work/hostile/$1:latest AS hostile"
    echo 'FROM --platform=linux/amd64 scratch'
    echo 'COPY --from=hostile / /h/'
}

# refuses NAME CLASS: the build ends with an error of the right kind, in time and without a trace.
refuses() {
    local code=0
    # A store of its own: one that has the index of a layer does not read the layer again.
    BUILD_LIMIT=120 build_from "store-h-$1" "hostile-$1" linux/amd64 || code=$?
    echo "exit code $code"
    # A document that is none, or of a later version, may also be a wrong request.
    [[ $code -eq 3 || ($code -eq 1 && $2 == document) ]] || return 1
    ! grep -q 'panicked' "hostile-$1.log" || return 1
    [[ ! -e hostile-$1 ]] || { echo 'an image was written'; return 1; }
    [[ -z $(find "store-h-$1" -path '*/blobs/*' -type f -o -path '*/tmp/*' -type f ! -name alive) ]] ||
        { echo 'something was written'; return 1; }
}

part_12_two_at_once() {
    once_all
    odd_to_windows >dockerfile.in
    check 'two builds in a new store' two_builds
    check 'give the same image' same_digest two-a two-b odd2w
    windows_to_scratch >dockerfile.other
    check 'different builds in one store' different_builds
    check 'and the store is whole' build_from store-two two-after windows/amd64
    check 'with the same image' same_digest two-after odd2w
}

two_builds() {
    build store-two two-a windows/amd64 <dockerfile.in &
    local other=$! code=0
    build store-two two-b windows/amd64 <dockerfile.in || code=1
    wait "$other" || code=1
    return "$code"
}

different_builds() {
    local pids=() number code=0
    for number in 1 2 3 4; do
        if ((number % 2)); then
            build store-two "two-$number" windows/amd64 --no-cache <dockerfile.in &
        else
            build store-two "two-$number" linux/amd64 --no-cache <dockerfile.other &
        fi
        pids+=($!)
    done
    for number in "${pids[@]}"; do wait "$number" || code=1; done
    return "$code"
}

part_13_kill() {
    once_all
    local round
    debian_to_windows >dockerfile.in
    for round in $(seq 1 "${CROSSDOCK_E2E_KILLS:-15}"); do
        local ms=$((round * round * 12))
        check "killed after $ms ms" \
            killed "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))" "kill-$round"
    done
    check 'the store is whole' build_from store-k kill-after windows/amd64
    check 'and gives the same image' same_digest kill-after l2w
    check 'nothing is left of the dead' test "$(find store-k/crossdock/tmp -type f ! -name alive |
        wc -l)" -eq 0
    check 'nor of their damage' test "$(find store-k/crossdock/damaged -type f 2>/dev/null |
        wc -l)" -eq 0
}

# killed SECONDS OUT: starts a build and kills it; what is at OUT must be whole or not there.
killed() {
    local context
    context=$(mktemp -d context.XXXXXX)
    cp dockerfile.in "$context/Dockerfile"
    printf 'MZ program\n' >"$context/app.exe"
    find "$context" -exec touch -h -d @1700000000 {} +
    "$CROSSDOCK" --root store-k build --platform windows/amd64 -t t --no-cache \
        -o "type=oci-layout,dest=$2" "$context" &
    local pid=$!
    sleep "$1"
    kill -9 "$pid" 2>/dev/null || echo 'it was done already'
    wait "$pid" 2>/dev/null || true
    rm -rf "$context"
    [[ ! -e $2/index.json ]] || validate "$2" --skip 4
}

# The spelling of what is there, whatever the Dockerfile writes; descriptors from the directory.
part_14_spelling() {
    {
        echo '# escape=`'
        echo "FROM --platform=windows/amd64 $WIN:latest AS other"
        echo "FROM --platform=windows/amd64 $WIN:latest"
        echo 'COPY app.exe c:\WINDOWS\INF\new\'
        echo 'COPY --from=other C:\windows\SYSTEM32\Drivers\ETC\HOSTS C:\users\PUBLIC\hosts'
        echo 'COPY --from=other ["C:\\Program Files\\Streams\\", "C:\\USERS\\public\\S\\"]'
    } | check_build 'other letter case' store spelling windows/amd64
    check 'the validator accepts it' validate spelling --skip 4
    check 'in the directory that is there' listed spelling /windows/inf/new/app.exe ' app.exe'
    check 'found in any letter case' listed spelling /Users/Public/hosts ' hosts'
    check 'streams and EAs within Windows' \
        compare roundtrip 'win:latest:/Program Files/Streams' spelling:/Users/Public/S
}

part_15_sources() {
    check 'no source was changed' sha256sum --quiet -c sources.sums
}
