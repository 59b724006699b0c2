# shellcheck shell=bash
# The parts of registry_builds.sh about what builds, pushes and pulls do; each stands alone.

# What is copied of the fixtures' Linux image, and of the Windows image.
LINUX_SMALL=(/opt/names /opt/links /opt/xattrs /usr /var/lib/dpkg)
WINDOWS_SMALL=(/Windows/System32 /Windows/Links '/Program Files' /Users)

# Dockerfiles, with the images that they begin with: from a Linux image into a Windows image, and
# the reverse.
to_windows() {
    cat <<DOCKERFILE
FROM --platform=linux/amd64 $1 AS linux
FROM --platform=windows/amd64 $2
$(copies linux /l "${LINUX_SMALL[@]}")
COPY app.exe /app/
DOCKERFILE
}

to_linux() {
    cat <<DOCKERFILE
FROM --platform=windows/amd64 $2 AS windows
FROM --platform=linux/amd64 $1
$(copies windows /w "${WINDOWS_SMALL[@]}")
COPY app.exe /app/
DOCKERFILE
}

# crossdock STORE ARGUMENT...
crossdock() { timeout 600 "$CROSSDOCK" --root "$@"; }

# push_build STORE NAME PLATFORM [OPTION...] <dockerfile.in: builds and pushes NAME; the digest that
# the program prints goes to a file, whose name is NAME's with _ for what files do not have.
push_build() {
    local store=$1 name=$2 platform=$3 context code=0
    shift 3
    context=$(make_context <"${DOCKERFILE_IN:-dockerfile.in}")
    crossdock "$store" build --platform "$platform" -t "$name" --push -q "$@" "$context" \
        >"$(digest_file "$name")" || code=$?
    rm -rf "$context"
    cat "$(digest_file "$name")"
    return "$code"
}

digest_file() { tr -c 'A-Za-z0-9\n' _ <<<"$1.digest"; }

# pushed NAME DIGEST: HOST/NAME is that image, and the build said so.
pushed() {
    echo "wanted $2, printed $(cat "$(digest_file "$HOST/$1")"), there $(remote_digest "$1")"
    [[ $(cat "$(digest_file "$HOST/$1")") == "$2" && $(remote_digest "$1") == "$2" ]]
}

# The same images from layouts: what registries change nothing about.
references() {
    [[ ! -d ref-l2w ]] || return 0
    to_windows "$LIN:gzip" "$WIN:gzip" | check_build 'from layouts: Linux into Windows' \
        store-ref ref-l2w windows/amd64
    to_linux "$LIN:gzip" "$WIN:gzip" | check_build 'from layouts: Windows into Linux' \
        store-ref ref-w2l linux/amd64
}

# bases: the images of the fixtures go to the registry HOST.
bases() {
    to_registry lin:gzip base/lin:gzip && to_registry win:gzip base/win:gzip &&
        to_registry win:latest base/win:latest && to_registry lin:latest base/lin:latest
}

# trust_and_login NAME AUTH TLS: what a user does for that registry.
trust_and_login() {
    unset SSL_CERT_FILE
    if [[ -n $3 && -z $2 ]]; then
        export SSL_CERT_FILE=$work/ca.crt
    elif [[ -n $3 ]]; then
        # As docker has it for one registry.
        mkdir -p "$HOME/.docker/certs.d/$HOST"
        cp ca.crt "$HOME/.docker/certs.d/$HOST/ca.crt"
    fi
    [[ -z $2 ]] || check "$1: login" login
}

# login [PASSWORD]: to HOST.
login() {
    printf '%s' "${1:-pass:word}" | "$CROSSDOCK" login -u somebody --password-stdin "$HOST"
}

registry_1_kinds() {
    local auth tls name path
    references
    for auth in '' auth; do
        for tls in '' tls; do
            name=registry${auth:+-$auth}${tls:+-tls}
            start_registry "$name" "$auth" "$tls"
            trust_and_login "$name" "$auth" "$tls"
            check "$name: skopeo pushes the bases" bases
            to_windows "$HOST/base/lin:gzip" "$HOST/base/win:gzip" >dockerfile.in
            check "$name: Linux into Windows" \
                push_build "store-$name" "$HOST/out/l2w:1" windows/amd64
            check "$name: gives the image that layouts give" pushed out/l2w:1 "$(digest ref-l2w)"
            to_linux "$HOST/base/lin:gzip" "$HOST/base/win:gzip" >dockerfile.in
            check "$name: Windows into Linux" \
                push_build "store-$name" "$HOST/out/w2l:1" linux/amd64
            check "$name: gives the image that layouts give" pushed out/w2l:1 "$(digest ref-w2l)"
            check "$name: skopeo reads the one" from_registry out/l2w:1 "$name-l2w" windows
            check "$name: skopeo reads the other" from_registry out/w2l:1 "$name-w2l" linux
            check "$name: the validator accepts it" validate "$name-l2w" --skip 4
        done
    done
    for path in "${LINUX_SMALL[@]}"; do
        check "L→W $path" compare crosscopy "lin:gzip:$path" "$name-l2w:/l/$(short "$path")"
    done
    for path in "${WINDOWS_SMALL[@]}"; do
        check "W→L $path" compare crosscopy "win:gzip:$path" "$name-w2l:/w/$(short "$path")"
    done
    stop_all
    unset SSL_CERT_FILE

    start_registry registry-debian
    check 'a real Debian' to_registry debian:latest debian:12
    check 'a Windows image' to_registry win:gzip win:gzip
    debian_to_windows | sed "s#$DEBIAN#$HOST/debian:12#; s#$WIN:gzip#$HOST/win:gzip#" >dockerfile.in
    check 'Debian into Windows' push_build store-debian "$HOST/out:1" windows/amd64
    debian_to_windows | check_build 'the same from layouts' store-ref ref-debian windows/amd64
    check 'gives the same image' pushed out:1 "$(digest ref-debian)"
    check 'skopeo reads it' from_registry out:1 debian-l2w windows
    check '/usr/bin' compare crosscopy debian:/usr/bin debian-l2w:/l/usr_bin
    stop_all
}

# largest_layer LAYOUT TAG: the file of the largest layer of an image.
largest_layer() {
    python3 - "$@" <<'PYTHON'
import json, sys
layout, tag = sys.argv[1:]
load = lambda d: json.load(open(f"{layout}/blobs/" + d["digest"].replace(":", "/")))
entry = next(d for d in json.load(open(f"{layout}/index.json"))["manifests"]
             if d["annotations"]["org.opencontainers.image.ref.name"] == tag)
layer = max(load(entry)["layers"], key=lambda d: d["size"])
print("blobs/" + layer["digest"].replace(":", "/"))
PYTHON
}

# drop_layers STORE LAYOUT:TAG: the store loses the layers of an image, as after a prune.
drop_layers() {
    python3 - "$@" <<'PYTHON'
import json, os, sys
store, image = sys.argv[1:]
layout, tag = image.split(":")
load = lambda d: json.load(open(f"{layout}/blobs/" + d["digest"].replace(":", "/")))
key = "org.opencontainers.image.ref.name"
entry = next(d for d in json.load(open(f"{layout}/index.json"))["manifests"]
             if d["annotations"][key] == tag)
for layer in load(entry)["layers"]:
    path = f"{store}/blobs/" + layer["digest"].replace(":", "/")
    if os.path.exists(path):
        os.remove(path)
        print("removed", path)
PYTHON
}

# What comes from and goes to registries: two of them, `one` with the bases.
registry_2_traffic() {
    local one two
    start_registry one
    one=$HOST
    start_registry two
    two=$HOST
    HOST=$one
    check 'the bases' bases
    to_windows "$one/base/lin:gzip" "$one/base/win:gzip" >dockerfile.in

    mark one
    check 'a build with a new store' push_build store-t "$one/app:1" windows/amd64
    check 'reads each base layer once, at most' asked one \
        'asks("GET", "blobs") <= 4 + 3 + 2 and asks("GET", "manifests") <= 2 * 2'
    check 'and mounts those of the base' asked one \
        'asks("POST", "mounts", status=201) == asks("POST", "mounts") == 4'
    check 'sending only its own' asked one 'asks("PUT", "uploads") == 5 + 1 + 1'

    mark one
    check 'the same build again' push_build store-t "$one/app:1" windows/amd64
    check 'asks for the digests of the bases, and for its own' asked one \
        'asks("HEAD", "manifests") == len(requests) == 3'
    mark one
    check 'the same build, not pushed' build_from store-t warm windows/amd64
    check 'asks for the digests of the bases alone' asked one \
        'asks("HEAD", "manifests") == len(requests) == 2'
    check 'and does no work' all_cached warm.log

    mark one
    check 'under another tag' push_build store-t "$one/app:2" windows/amd64
    check 'the manifest alone travels' asked one \
        'asks("PUT", "manifests") == 1 and asks() == asks(kind="manifests")'
    mark one
    check 'in another repository' push_build store-t "$one/other/app:1" windows/amd64
    check 'nothing is downloaded' asked one 'not asks("GET")'
    check 'all layers of the base are mounted' asked one \
        'asks("POST", "mounts", status=201) >= 4'
    mark one
    check 'under two tags at once' push_build store-t "$one/tags:1" windows/amd64 -t "$one/tags:2"
    check 'blobs go once' asked one \
        'asks("PUT", "manifests", "/tags/") == 2 and asks("PUT", "uploads", "/tags/") <= 7'

    HOST=$two
    mark one two
    check 'to another registry' push_build store-t "$two/app:1" windows/amd64
    check 'each blob is sent once' asked two \
        'asks("PUT", "uploads") == 4 + 6 + 1 and asks("PUT", "manifests") == 1 and not asks("GET")'
    check 'what the store has does not come again' asked one 'not asks("GET")'
    check 'the same image is there' pushed app:1 "$(cat "$(digest_file "$one/app:1")")"
    mark two
    check 'again' push_build store-t "$two/app:1" windows/amd64
    check 'only names are asked for' asked two 'asks("HEAD", "manifests") == len(requests)'
    HOST=$one

    # A stage that only changes config, in a store that knows nothing.
    printf 'FROM --platform=windows/amd64 %s/base/win:gzip\nENV A=b\n' "$one" >dockerfile.in
    mark one
    check 'a stage that only changes config' push_build store-config "$one/config:1" windows/amd64
    check 'reads no layer and sends none' asked one \
        'asks("GET", "blobs") == 1 and bytes_sent("blobs") < 9999 and asks("PUT", "uploads") == 1'
    check 'skopeo reads it' from_registry config:1 config windows
    check 'and it is the base with a variable' image config '"A=b" in config["config"]["Env"]'
    check 'with the layers of the base' base_layers config win gzip
    mark one two
    check 'sent to another registry' push_build store-config "$two/config:1" windows/amd64
    check 'takes each layer from the one to the other once' asked one 'asks("GET", "blobs") == 4'
    check 'and sends it once' asked two 'asks("PUT", "uploads") == 5'
    # A copy that does not look at the base.
    printf 'FROM %s/base/%s:gzip\nCOPY --link app.exe /app/\n' "$one" lin >dockerfile.in
    mark one
    check 'a --link copy onto Linux' push_build store-link "$one/link-l:1" linux/amd64
    check 'reads no layer of the base' asked one \
        'bytes_sent("blobs") < 9999 and asks("GET", "blobs") == 1'
    printf 'FROM %s/base/%s:gzip\nCOPY --link app.exe /app/\n' "$one" win >dockerfile.in
    mark one
    check 'a --link copy onto Windows' push_build store-link "$one/link-w:1" windows/amd64
    check 'reads no layer of the base' asked one \
        'bytes_sent("blobs") < 9999 and asks("GET", "blobs") == 1'

    # Indexes outlive blobs.
    printf 'FROM %s/base/win:gzip\nCOPY app.exe /app/\n' "$one" >dockerfile.in
    check 'a copy onto a base' push_build store-pruned "$one/pruned:1" windows/amd64
    check 'whose layers the store loses' drop_layers store-pruned win:gzip
    mark one
    check 'builds on' push_build store-pruned "$one/pruned:2" windows/amd64 --no-cache
    check 'without its layers' asked one 'not asks("GET", "blobs")'
    check 'and gives the same' pushed pruned:2 "$(cat "$(digest_file "$one/pruned:1")")"
    HOST=$two
    mark one two
    check 'also elsewhere' push_build store-pruned "$two/fresh/pruned:1" windows/amd64
    check 'what that registry lacks comes once' asked one 'asks("GET", "blobs") <= 4'
    check 'the same image is there' pushed fresh/pruned:1 "$(cat "$(digest_file "$one/pruned:1")")"
    HOST=$one
    stop_all
}

# names STORE: the names of its images.
names() {
    python3 -c '
import json, sys
for entry in json.load(open(sys.argv[1] + "/index.json"))["manifests"]:
    print(entry["annotations"]["org.opencontainers.image.ref.name"], entry["digest"])' "$1"
}

# named STORE NAME DIGEST
named() {
    names "$1"
    names "$1" | grep -qxF "$2 $3"
}

registry_3_pull_and_push() {
    start_registry three
    check 'the bases' bases
    local windows index
    index=$(remote_digest base/win:latest)
    windows=$(python3 -c '
import json
d = [d for d in json.load(open("win/index.json"))["manifests"]
     if d["annotations"]["org.opencontainers.image.ref.name"] == "latest"][0]
index = json.load(open("win/blobs/" + d["digest"].replace(":", "/")))
print([d["digest"] for d in index["manifests"]
       if d["platform"].get("os.version", "").startswith("10.0.20348")][1])')
    mark three
    check 'pull of one platform' crossdock store-p pull -q \
        --platform 'windows(10.0.20348.2849)/amd64' "$HOST/base/win"
    check 'takes the image of that version' named store-p "$HOST/base/win:latest" "$windows"
    check 'and its four layers only' asked three 'asks("GET", "blobs") == 5'
    check 'the store is whole' python3 "$here/store.py" store-p
    mark three
    check 'pull again' crossdock store-p pull \
        --platform 'windows(10.0.20348.2849)/amd64' "$HOST/base/win"
    check 'brings nothing' asked three 'not asks("GET", "blobs")'
    check 'pull of all platforms' crossdock store-p pull -q --all-platforms "$HOST/base/win"
    check 'has the index' named store-p "$HOST/base/win:latest" "$index"
    check 'the store is whole' python3 "$here/store.py" store-p
    check 'pull of a digest' crossdock store-p pull -q "$HOST/base/win@$windows"
    check 'has the digest for a name' named store-p "$HOST/base/win@$windows" "$windows"
    check 'and the tag stays what it was' named store-p "$HOST/base/win:latest" "$index"
    check 'the store is whole' python3 "$here/store.py" store-p
    check 'an unknown digest' fails 1 "$HOST/base/win.*not" crossdock store-p pull \
        "$HOST/base/win@sha256:$(printf '%064d' 7)"

    # What was pulled needs no registry.
    printf 'FROM %s/base/win\nCOPY app.exe /\n' "$HOST" >dockerfile.in
    mark three
    check 'FROM what was pulled' build_from store-p from-pulled 'windows(10.0.20348.2849)/amd64'
    check 'asks nobody' asked three 'not requests'
    check 'the same from the layout' build_layout from-layout
    check 'gives the same' same_digest from-pulled from-layout

    # The store's image is for one version of Windows only; the registry has the others.
    check 'pull of an older Windows' crossdock store-older pull -q \
        --platform 'windows(10.0.17763)/amd64' "$HOST/base/win"
    check 'FROM the name, for the newer one' \
        build_from store-older from-older 'windows(10.0.20348.2849)/amd64'
    check 'takes the newer one from the registry' same_digest from-pulled from-older

    # From one build to the next.
    printf 'FROM %s/base/lin\nCOPY app.exe /first\n' "$HOST" >dockerfile.in
    check 'an image for the store' store_build store-p "$HOST/mine:1" linux/amd64
    printf 'FROM %s/mine:1\nCOPY app.exe /second\n' "$HOST" >dockerfile.in
    mark three
    check 'FROM a name of the store' build_from store-p from-store linux/amd64
    check 'asks nobody' asked three 'not requests'
    check 'has both files' bash -c "python3 '$here/tree.py' from-store:/ | grep ' first' &&
        python3 '$here/tree.py' from-store:/ | grep ' second'"
    check '--pull asks the registry, which lacks it' fails 1 "$HOST/mine:1" \
        build_from store-p from-pull linux/amd64 --pull
    mark three
    check 'push' crossdock store-p push -q "$HOST/mine:1"
    check 'mounts or finds nothing, and sends all' asked three \
        'asks("PUT", "manifests") == 1 and asks("PUT", "uploads") >= 2'
    check 'skopeo reads it' from_registry mine:1 mine
    check '--pull finds it now' build_from store-p from-pull linux/amd64 --pull
    check 'which is the same' same_digest from-store from-pull
    mark three
    check 'push again' crossdock store-p push -q "$HOST/mine:1"
    check 'asks once' asked three 'len(requests) == 1'
    check 'push of an index' crossdock store-p push -q "$HOST/base/win"
    check 'a name that the store lacks' fails 1 'nothing-here' \
        crossdock store-p push "$HOST/nothing-here"

    # A store whose bytes changed: nothing of it travels, and the registry has them still.
    check 'another store' crossdock store-d pull -q --platform linux/amd64 "$HOST/base/lin:gzip"
    printf 'FROM %s/base/lin:gzip\nENV A=b\n' "$HOST" >dockerfile.in
    check 'an image of it' store_build store-d "$HOST/damaged:1" linux/amd64
    damage flip "store-d/$(largest_layer lin gzip)"
    check 'push of a damaged layer is refused' fails 3 'bytes' \
        crossdock store-d push "$HOST/damaged:1"
    check 'and there is no image' fails 1 'unknown' remote_has damaged:1 layers
    check 'pull brings the layer again' \
        crossdock store-d pull -q --platform linux/amd64 "$HOST/base/lin:gzip"
    check 'then it is pushed' crossdock store-d push -q "$HOST/damaged:1"

    # Layers that lie elsewhere.
    mkdir elsewhere
    start_files elsewhere
    check 'an image whose first layer is foreign' foreign
    export SSL_CERT_FILE=$work/ca.crt
    mark three
    check 'pull of it' crossdock store-foreign pull -q --platform windows/amd64 "$HOST/foreign:1"
    check 'takes the layer from its url' grep -q 'GET /layer' files.log
    check 'the store is whole' python3 "$here/store.py" store-foreign
    printf 'FROM %s/foreign:1\nCOPY app.exe /app/\n' "$HOST" >dockerfile.in
    check 'a build from it' push_build store-foreign-2 "$HOST/on-foreign:1" windows/amd64
    # As BuildKit has it: a new image holds its layers itself, those of its base too.
    check 'holds the layer itself' remote_has on-foreign:1 \
        '"application/vnd.oci.image.layer.v1.tar+gzip","digest":"'"$(foreign_digest)"'"'
    check 'and none elsewhere' remote_lacks on-foreign:1 '"urls"'
    check 'skopeo inspects it' skopeo inspect --override-os windows --tls-verify=false \
        "docker://$HOST/on-foreign:1"
    mark three
    check 'what was pulled is pushed as it is' crossdock store-foreign push -q "$HOST/foreign:1"
    check 'without that layer' asked three \
        'not asks("PUT", "uploads") and not asks("POST", "uploads")'
    unset SSL_CERT_FILE
    check 'without the authority it fails' fails 4 'authority' \
        crossdock store-foreign-3 pull --platform windows/amd64 "$HOST/foreign:1"
    stop_all
}

remote_has() { skopeo inspect --raw --tls-verify=false "docker://$HOST/$1" | grep -F "$2"; }

remote_lacks() { ! remote_has "$@" && remote_has "$1" '"layers"'; }

# store_build STORE NAME PLATFORM <dockerfile.in: the image goes to the store.
store_build() {
    local context code=0
    context=$(make_context <dockerfile.in)
    crossdock "$1" build --platform "$3" -t "$2" "${@:4}" "$context" || code=$?
    rm -rf "$context"
    return "$code"
}

build_layout() {
    sed "s#$HOST/base/win#$WIN:latest#" dockerfile.in >layout.in
    build store-layout "$1" 'windows(10.0.20348.2849)/amd64' <layout.in
}

foreign_digest() { echo "sha256:$(sha256sum <elsewhere/layer | cut -d' ' -f1)"; }

# foreign: pushes HOST/foreign:1, docker's form of the Windows image, its first layer by a url only.
foreign() {
    python3 - win elsewhere "http://$HOST/v2/foreign" "https://$FILES/layer" <<'PYTHON'
import hashlib, json, sys, urllib.request
layout, folder, registry, url = sys.argv[1:]
raw = lambda d: open(f"{layout}/blobs/" + d["digest"].replace(":", "/"), "rb").read()
index = json.load(open(f"{layout}/index.json"))["manifests"]
entry = next(d for d in index if d["annotations"]["org.opencontainers.image.ref.name"] == "docker")
manifest = json.loads(raw(entry))

def send(method, address, body, kind="application/octet-stream"):
    request = urllib.request.Request(address, body, {"Content-Type": kind}, method=method)
    return urllib.request.urlopen(request)

foreign, *others = manifest["layers"]
open(f"{folder}/layer", "wb").write(raw(foreign))
foreign["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
foreign["urls"] = [url]
for part in others + [manifest["config"]]:
    place = send("POST", f"{registry}/blobs/uploads/", b"").headers["Location"]
    send("PUT", place + ("&" if "?" in place else "?") + "digest=" + part["digest"], raw(part))
send("PUT", f"{registry}/manifests/1", json.dumps(manifest).encode(), manifest["mediaType"])
PYTHON
}

# says CODE 'PART .. PART' ARGUMENT...: the command ends with that exit code and says all the parts.
says() {
    local code=$1 text=$2 part
    shift 2
    fails "$code" "${text%% .. *}" crossdock store-m "$@" || return 1
    while [[ $text == *' .. '* ]]; do
        text=${text#* .. }
        part=${text%% .. *}
        grep -Eqi -- "$part" fails.log || { echo "nothing like $part"; return 1; }
    done
    ! grep -q 'panicked' fails.log
}

# What goes wrong most often: which registry or image, why, and what helps.
registry_7_messages() {
    local open locked sealed closed address
    start_registry open
    open=$HOST
    start_registry locked auth
    locked=$HOST
    start_registry sealed '' tls
    sealed=$HOST
    next_port=$((next_port + 1))
    closed=localhost:$next_port
    HOST=$open
    check 'the bases' bases
    printf 'FROM scratch\nCOPY app.exe /\n' >dockerfile.in
    check 'an image for the store' store_build store-m "$locked/app:1" linux/amd64
    check 'and one' store_build store-m "$closed/app:1" linux/amd64
    check 'and one' store_build store-m "$sealed/app:1" linux/amd64
    check 'an unknown tag' says 1 "$open/base/lin:nope .. not|unknown" pull "$open/base/lin:nope"
    check 'an unknown image' says 1 "$open/nobody .. not|unknown" pull "$open/nobody"
    check 'a refused connection' says 4 "$closed .. refused .. check" pull "$closed/app:1"
    check 'a refused connection of push' says 4 "$closed .. refused .. check" push "$closed/app:1"
    check 'no login' says 1 "$locked .. crossdock login $locked" pull "$locked/app:1"
    check 'no login for push' says 1 "$locked .. crossdock login $locked" push "$locked/app:1"
    check 'an unknown authority' says 4 "$sealed .. authority .. SSL_CERT_FILE .. certs.d" \
        pull "$sealed/app:1"
    check 'an unknown authority of push' says 4 "$sealed .. authority .. SSL_CERT_FILE" \
        push "$sealed/app:1"
    may_log_in "$locked"
    sed -i "s/$(printf 'somebody:pass:word' | base64)/$(printf 'somebody:wrong' | base64)/" \
        "$HOME/.docker/config.json"
    check 'a wrong password' says 1 "$locked .. crossdock login $locked" pull "$locked/app:1"
    rm "$HOME/.docker/config.json"
    HOST=$locked
    check 'a wrong password at login' fails 1 "$locked" login wrong
    check 'is not kept' test ! -s "$HOME/.docker/config.json"
    check 'login' login
    check 'then pull says what is missing' says 1 "$locked/app:2" pull "$locked/app:2"
    check 'and push works' crossdock store-m push -q "$locked/app:1"
    check 'logout' "$CROSSDOCK" logout "$locked"
    check 'and it is locked again' says 1 "crossdock login $locked" pull "$locked/app:1"
    HOST=$open
    # An address of this machine that is not loopback's; the packets stay in the kernel.
    address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 '^[0-9.]*$') || true
    if [[ -n $address ]]; then
        LISTEN=$address start_registry elsewhere
        check 'no TLS' says 4 "$HOST .. does not speak TLS .. --insecure-registry" \
            pull "$HOST/app:1"
        check 'with the option only the image is missing' says 1 "$HOST/app:1 .. not|unknown" \
            pull --insecure-registry "$HOST" "$HOST/app:1"
        HOST=$open
    fi
    # Bytes that a registry serves, and that are not the blob's.
    local blob
    blob=$(basename "$(largest_layer lin gzip)")
    damage flip "open/docker/registry/v2/blobs/sha256/${blob:0:2}/$blob/data"
    check 'other bytes than the blob has' \
        says 3 "$open/base/lin .. expected the blob sha256:$blob .. got" \
        pull --platform linux/amd64 "$open/base/lin:gzip"
    check 'are not kept' test ! -e "store-m/blobs/sha256/$blob"
    printf 'FROM %s/base/lin:nope\nCOPY app.exe /\n' "$open" >dockerfile.in
    check 'FROM an unknown tag' fails 1 "$open/base/lin:nope" build_from store-m out-m linux/amd64
    printf 'FROM %s/app\nCOPY app.exe /\n' "$closed" >dockerfile.in
    check 'FROM a closed registry' fails 4 "$closed" build_from store-m out-m linux/amd64
    check 'and nothing is written' test ! -e out-m
    printf 'FROM --platform=windows/amd64 %s/base/lin:latest\nCOPY app.exe /\n' "$open" \
        >dockerfile.in
    check 'a platform that an index lacks' fails 1 "$open/base/lin .. windows|platform" \
        build_from store-m out-m windows/amd64
    stop_all
}
