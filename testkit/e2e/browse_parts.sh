# shellcheck shell=bash
# The parts of browse.sh; each stands alone after `prepare`.

# look ARGUMENT...: the program, with the store of these parts.
look() { "$CROSSDOCK" "$@"; }

# lists IMAGE LAYOUT[:TAG]: `ls -R` of an image is the tree that tree.py reads from the layout.
lists() {
    look ls -R --format json "$1" / >lists.json &&
        python3 "$here/listed.py" "$2" <lists.json
}

# copies_out IMAGE LAYOUT: `cp` to a tar gives what is in the layout, entry by entry.
copies_out() {
    look cp -q "$1:/." - >copied.tar && compare roundtrip "$2:/" copied.tar:/
}

# answers IMAGE: what can be asked of every Linux image with /etc/passwd gives the same as Python's tar
# reader of what `cp` gives, which copies_out compares with the layers.
answers() {
    local image=$1
    look cp -q "$image:/." - >answers.tar &&
        look cat "$image" /etc/passwd >cat.out && tar -xOf answers.tar etc/passwd |
        cmp - cat.out &&
        look stat --format json "$image" /etc/passwd >stat.out &&
        look tree "$image" / >tree.out &&
        look find "$image" -name passwd -type f >find.out &&
        look history "$image" >/dev/null && look inspect "$image" >/dev/null &&
        look du --bytes --summarize "$image" >du.out &&
        python3 - <<'PYTHON'
import json, re, tarfile
members = {member.name.removeprefix("./"): member for member in tarfile.open("answers.tar")}
members.pop("", None), members.pop(".", None)
files = [member for member in members.values() if member.isreg()]
passwd = members["etc/passwd"]
stat = json.load(open("stat.out"))
assert stat["posix"]["mode"] == f"{passwd.mode:04o}" and stat["posix"]["uid"] == passwd.uid, stat
assert stat["size"] == passwd.size and stat["kind"] == "file", stat
found = ["/" + name for name, member in sorted(members.items())
         if name.split("/")[-1] == "passwd" and (member.isreg() or member.islnk())]
assert sorted(open("find.out").read().split()) == found, found
total = sum(member.size for member in files)
assert int(re.search(r"^ *(\d+) .*/$", open("du.out").read(), re.M).group(1)) == total, total
folders = sum(member.isdir() for member in members.values())
last = open("tree.out").read().splitlines()[-1]
assert last == f"{folders} directories, {len(members) - folders} files", (last, folders)
PYTHON
}

# layers_kept ARCHIVE LAYOUT: the archive holds the layers of the layout's first image, bit for bit.
layers_kept() {
    blobs_of "$1" >kept.sums && python3 - "$2" <<'PYTHON'
import json, sys
blob = lambda d: sys.argv[1] + "/blobs/" + d["digest"].replace(":", "/")
manifest = json.load(open(blob(json.load(open(sys.argv[1] + "/index.json"))["manifests"][0])))
kept = open("kept.sums").read().split()
for layer in manifest["layers"]:
    print(layer["digest"])
    assert layer["digest"].removeprefix("sha256:") in kept
PYTHON
}

# cycle IMAGE LAYOUT[:TAG] OS: what `save` writes is read by others, and `load` brings every blob back.
cycle() {
    local image=$1 layout=$2 os=$3
    rm -rf cycle cycle.tar cycle-again.tar cycle-store
    look save "$image" -o cycle.tar &&
        skopeo copy -q --override-os "$os" "oci-archive:$work/cycle.tar" "oci:$work/cycle:latest" &&
        compare roundtrip "$layout:/" cycle:/ &&
        look --root cycle-store load -t cycle:1 cycle.tar &&
        look --root cycle-store save "$(look --root cycle-store images --format json |
            python3 -c 'import json, sys; print(json.loads(next(sys.stdin))["name"])')" \
            -o cycle-again.tar &&
        blobs_of cycle.tar >cycle.sums && blobs_of cycle-again.tar >cycle-again.sums &&
        test -s cycle.sums && diff cycle.sums cycle-again.sums
}

# blobs_of ARCHIVE: names and digests of the blobs in an archive, of which each must be what it says.
blobs_of() {
    python3 - "$1" <<'PYTHON'
import hashlib, os, sys, tarfile
archive = tarfile.open(sys.argv[1])
for member in sorted(archive, key=lambda member: member.name):
    if member.isfile() and member.name.startswith("blobs/sha256/"):
        digest = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
        assert os.path.basename(member.name) == digest, member.name
        print(digest)
PYTHON
}

# made_by_umoci: three layers. The second changes and removes files of the first; the third is one of
# `umoci insert`, whose tar stops behind the last byte of the last file.
made_by_umoci() {
    local bundle=umoci-bundle/rootfs
    umoci init --layout umoci && umoci new --image umoci:1 &&
        umoci unpack --rootless --image umoci:1 umoci-bundle &&
        mkdir -p tree/etc tree/usr/bin "tree/with blank" tree/empty &&
        printf 'root:x:0:0::/root:/bin/sh\n' >tree/etc/passwd && echo first >tree/etc/first &&
        echo program >tree/usr/bin/program && chmod 755 tree/usr/bin/program &&
        ln -s program tree/usr/bin/link && ln tree/etc/first tree/etc/second &&
        echo text >"tree/with blank/ü" && cp -a tree/. "$bundle/" &&
        umoci repack --refresh-bundle --image umoci:1 umoci-bundle &&
        rm -r "$bundle/etc/first" "$bundle/empty" && echo second >"$bundle/etc/new" &&
        umoci repack --image umoci:1 umoci-bundle && echo inserted >inserted &&
        umoci insert --rootless --image umoci:1 inserted /etc/inserted
}

browse_1_other_tools() {
    local name
    check 'umoci makes an image' made_by_umoci
    check 'umoci: ls -R is the tree' lists oci-layout://umoci:1 umoci:1
    check 'umoci: cp is what umoci unpacks' copies_out oci-layout://umoci:1 umoci:1
    check 'umoci: answers' answers oci-layout://umoci:1
    check 'umoci: save and load' cycle oci-layout://umoci:1 umoci:1 linux
    check 'umoci: its layers are those that were saved' layers_kept cycle.tar umoci
    check 'umoci: nothing is wrong with it' look check --level warning oci-layout://umoci:1
    for name in oci-archive docker-archive; do
        check "skopeo makes an $name of it" skopeo copy -q oci:umoci:1 "$name:$work/$name.tar:app:1"
        check "$name: ls -R in place" lists "$name://$work/$name.tar" umoci:1
        check "$name: answers" answers "./$name.tar"
        check "$name: load" look load "$name.tar"
        check "$name: ls -R of what was loaded" lists app:1 umoci:1
        check "$name: save and load" cycle app:1 umoci:1 linux
        check "$name: rmi" look rmi app:1
    done
    if grep -q "^$(id -un):" /etc/subuid && buildah unshare true 2>/dev/null; then
        check 'buildah makes an image' made_by_buildah
        for name in oci-archive docker-archive; do
            check "buildah: $name" lists "$name://$work/buildah-$name.tar" buildah-layout:1
            check "buildah: $name: answers" answers "./buildah-$name.tar"
        done
        check 'buildah: cp' copies_out oci-layout://buildah-layout:1 buildah-layout:1
        check 'buildah: save and load' cycle oci-layout://buildah-layout:1 buildah-layout:1 linux
    else
        skip 'images of buildah' 'this user has no subordinate ids'
    fi
}

made_by_buildah() {
    local container
    container=$(buildah_here from scratch) &&
        buildah_here copy "$container" tree / && buildah_here config --cmd /usr/bin/program "$container" &&
        buildah_here commit -q "$container" buildah-made:1 &&
        buildah_here push -q buildah-made:1 oci:buildah-layout:1 &&
        buildah_here push -q buildah-made:1 "oci-archive:$work/buildah-oci-archive.tar:made:1" &&
        buildah_here push -q buildah-made:1 "docker-archive:$work/buildah-docker-archive.tar:made:1"
}

browse_2_real_images() {
    check 'Debian: ls -R is the tree' lists "$DEBIAN" debian
    check 'Debian: cp' copies_out "$DEBIAN" debian
    check 'Debian: answers' answers "$DEBIAN"
    check 'Debian: save and load' cycle "$DEBIAN" debian linux
    check 'Debian: its layers are those that were saved' layers_kept cycle.tar debian
    check 'Debian: nothing is wrong with it' look check --level error "$DEBIAN"
    check 'odd Linux: ls -R is the tree' lists "$LIN:gzip" lin:gzip
    check 'Windows: ls -R is the tree' lists "$WIN:gzip" win:gzip
    check 'Windows: in any case' look stat "$WIN:gzip" 'c:\windows\SYSTEM32'
    check 'Windows: cp is what a copy to Linux gives' windows_copied
    check 'Windows: save and load' cycle "$WIN:gzip" win:gzip windows
    check 'Windows: a file' test_windows_cat
}

# What comes out of a Windows image is what a build puts into a Linux one.
windows_copied() {
    printf 'FROM scratch\nCOPY --from=%s / /\n' "$WIN:gzip" >dockerfile.win &&
        mkdir -p nothing &&
        look build -q --platform linux/amd64 -f dockerfile.win -o type=oci-layout,dest=win-linux nothing &&
        look cp -q "$WIN:gzip:/." - >win-copied.tar && compare roundtrip win-linux:/ win-copied.tar:/
}

# What cat prints has the digest that tree.py finds.
test_windows_cat() {
    look cat "$WIN:gzip" 'C:\Windows\System32\large.dll' | sha256sum >cat.sum &&
        python3 - "$here" "$(cut -d ' ' -f 1 cat.sum)" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1])
import tree
image = tree.load("win:gzip")
node = image.subtree(b"/Windows/System32/large.dll").node
print(node.digest, sys.argv[2])
assert node.digest == sys.argv[2]
PYTHON
}

browse_3_registry() {
    start_registry browse-registry
    check 'an image in a registry' to_registry debian: remote/debian:1
    mark browse-registry
    check 'ls reads its layers' lists "$HOST/remote/debian:1" debian
    check 'once' asked browse-registry "asks('GET', 'blobs') == 2"
    mark browse-registry
    check 'and lists it again' lists "$HOST/remote/debian:1" debian
    check 'without a blob' asked browse-registry "asks('GET', 'blobs') == 0"
    mark browse-registry
    check 'cat of a file' look cat "$HOST/remote/debian:1:/etc/passwd"
    check 'without a blob' asked browse-registry "asks('GET', 'blobs') == 0"
    mark browse-registry
    check 'a store that knows no layer' look --root fresh-store ls -R "$HOST/remote/debian:1" /
    check 'reads each once' asked browse-registry "asks('GET', 'blobs') == 2"
    mark browse-registry
    check 'and then finds files' look --root fresh-store find "$HOST/remote/debian:1" -name passwd
    check 'without a blob too' asked browse-registry "asks('GET', 'blobs') == 0"
    check 'check asks the registry whether digests hold' \
        look check --pull --level error "$HOST/remote/debian:1"
    stop_all
}

# damaged LAYOUT: a copy of it in `damaged` with one byte of the last layer another.
damaged() {
    rm -rf damaged && cp -r "$1" damaged && python3 - <<'PYTHON'
import json
blob = lambda d: "damaged/blobs/" + d["digest"].replace(":", "/")
manifest = json.load(open(blob(json.load(open("damaged/index.json"))["manifests"][0])))
path = blob(manifest["layers"][-1])
data = bytearray(open(path, "rb").read())
data[len(data) // 2] ^= 1
open(path, "wb").write(data)
PYTHON
}

# finds RULE PATH ARGUMENT...: check tells of the rule at the path, and does not fail for a warning.
finds() {
    local rule=$1 path=$2
    shift 2
    look check --format json "$@" >findings.json &&
        python3 - "$rule" "$path" <<'PYTHON'
import json, sys
found = [json.loads(line) for line in open("findings.json")]
assert [f for f in found if [f["rule"], f["path"]] == sys.argv[1:]], found
PYTHON
}

browse_4_faults() {
    check 'a byte of a layer changes' damaged debian
    check 'check fails and tells the digest' fails 1 'DigestMismatch' look check oci-layout://damaged
    # Links that lead nowhere, programs without their interpreters, names that Windows cannot hold.
    mkdir -p faulty/bin
    ln -s /nowhere faulty/bin/lost
    printf '#!/bin/none\n' >faulty/bin/script
    chmod 755 faulty/bin/script
    cp /bin/true faulty/bin/program
    echo one >faulty/Name
    echo two >faulty/name
    tar -C faulty -cf faulty.tar .
    check 'a tar becomes an image' look load --os linux -t faulty:1 faulty.tar
    check 'a link that leads nowhere' finds DanglingLink /bin/lost faulty:1
    check 'a missing loader' finds MissingInterpreter /bin/program faulty:1
    check 'a missing library' finds MissingLibrary /bin/program faulty:1
    check 'a script without its program' finds MissingScriptInterpreter /bin/script faulty:1
    check 'names that differ in case' finds CasePair /name --for windows faulty:1
    check 'warnings are errors under --strict' fails 1 'DanglingLink' look check --strict faulty:1
    check 'a rule can be left out' look check --strict --only CasePair faulty:1
}

# completes SHELL LINE [--then TEXT] WANTED...
completes() { python3 "$here/shells.py" "$@"; }

# What `save` writes is taken by containerd and buildah too.
browse_8_readers() {
    check 'save Debian' look save "$DEBIAN" -o saved-debian.tar
    check 'save Windows' look save "$WIN:gzip" -o saved-windows.tar
    containerd_config >containerd.toml
    containerd -c containerd.toml >containerd.log 2>&1 &
    started_pids+=($!)
    for _ in {1..100}; do
        if ctr_here version >/dev/null 2>&1; then break; fi
        sleep 0.1
    done
    local os
    for os in debian windows; do
        check "$os: ctr imports it" ctr_here image import --no-unpack --all-platforms \
            --base-name "saved/$os" "saved-$os.tar"
        check "$os: all of it is there" checked "saved/$os.*complete"
        check "$os: skopeo reads it" skopeo inspect --raw "oci-archive:$work/saved-$os.tar"
    done
    check 'debian: buildah reads it' buildah_here pull "oci-archive:$work/saved-debian.tar"
    stop_all
}

browse_5_shells() {
    local shell
    mkdir -p small/etc 'small/two words'
    echo x >small/etc/passwd
    echo x >'small/two words/a b'
    tar -C small -cf small.tar .
    check 'a Linux image' look load --os linux -t app:1 small.tar
    check 'a Windows image' look load --os windows --os-version 10.0.20348.1 -t app:win small.tar
    check 'its layers are known' look ls -R app:win
    for shell in bash zsh; do
        check "$shell: a command" completes "$shell" 'crossdock insp' inspect
        check "$shell: an image" completes "$shell" 'crossdock ls app:w' ls app:win
        check "$shell: a path" completes "$shell" 'crossdock ls app:1 /et' ls app:1 /etc/
        check "$shell: behind a colon" \
            completes "$shell" 'crossdock cat app:1:/two\ words/' cat 'app:1:/two words/a b'
        check "$shell: an option" \
            completes "$shell" 'crossdock ls --platform=windows/a' ls --platform=windows/amd64
    done
    check 'bash: C:\ in quotes' completes bash "crossdock ls app:win 'c:\\ET" ls app:win 'c:\etc\'
    check 'zsh: C:\ in quotes' \
        completes zsh "crossdock ls app:win 'c:\\ET" --then "'" ls app:win 'c:\etc\'
    check 'fish: an image' completes fish 'crossdock ls app:' app:1 app:win
    check 'fish: a path' completes fish 'crossdock ls app:1 /' /etc/ '/two words/'
    check 'fish: behind a colon' completes fish 'crossdock cp app:1:/etc/' app:1:/etc/passwd
    check 'fish: C:\ in quotes' completes fish "crossdock ls app:win 'c:\\ET" 'c:\etc\'
}

# page FILE: man renders it without a warning, and it has examples.
page() {
    man --warnings -l "$1" >page.txt 2>page.err && cat page.err && test ! -s page.err &&
        grep -q '^EXAMPLE' page.txt && grep -q '^ .*crossdock' page.txt
}

browse_6_manual() {
    local file
    export MANWIDTH=100 MANPAGER=cat LC_ALL=C.UTF-8
    check 'all pages' look man --out man1
    check 'there are many' test "$(find man1 -name 'crossdock*.1' | wc -l)" -gt 15
    for file in man1/*.1; do
        check "man ${file##*/}" page "$file"
    done
}

browse_7_docker() {
    if [[ -n ${CROSSDOCK_E2E_DOCKER:-} ]]; then
        PATH=$CROSSDOCK_E2E_DOCKER/usr/bin:$CROSSDOCK_E2E_DOCKER/usr/sbin:$PATH
    fi
    command -v dockerd rootlesskit >/dev/null || {
        skip 'docker' 'there is no dockerd or no rootlesskit'
        return
    }
    export DOCKER_HOST=unix://$work/dockerd/socket
    check 'dockerd runs' start_dockerd
    started_pids+=("$(cat dockerd.pid)")
    [[ -d tree ]] || check 'umoci makes an image' made_by_umoci
    tar -C tree --owner=0 --group=0 -cf imported.tar .
    check 'docker imports a tar' docker import imported.tar imported:1
    check 'docker saves the image' docker save -o docker-saved.tar imported:1
    check 'its archive is read in place' answers ./docker-saved.tar
    check 'cp of it is the tar' docker_copy
    check 'load' look load docker-saved.tar
    check 'it has its name' look ls -R imported:1
    check 'save' look save imported:1 -o crossdock-saved.tar
    check 'docker forgets it' docker image rm imported:1
    check 'docker loads what was saved' docker load -i crossdock-saved.tar
    check 'docker has it again' docker image inspect imported:1
    stop_all
    buildah unshare rm -rf "$work/dockerd" || true
}

# docker keeps whole seconds.
docker_copy() {
    look cp -q ./docker-saved.tar:/. - >docker-copied.tar &&
        compare roundtrip --ignore=mtime imported.tar:/ docker-copied.tar:/
}
