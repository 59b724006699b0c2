#!/usr/bin/env bash
# Contexts of all kinds and ADD of what is elsewhere, by the whole program: tars that tar and its
# friends made, files of a server that counts requests, repositories that git serves. Needs git,
# python3, tar, gzip, bzip2, xz and zstd.
#
#   contexts.sh [FOLDER]     work in FOLDER (a temporary one)
#
# CROSSDOCK is the command; without it, it is built.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${1:-$(mktemp -d)}
if [[ -z ${CROSSDOCK:-} ]]; then
    (cd "$here/../.." && cargo build --quiet)
    CROSSDOCK=${CARGO_TARGET_DIR:-$here/../../target}/debug/crossdock
fi
CROSSDOCK=$(realpath "$CROSSDOCK")
cd "$work"
# shellcheck source=testkit/e2e/lib.sh
source "$here/lib.sh"
# shellcheck source=testkit/e2e/registries.sh
source "$here/registries.sh"
trap stop_all EXIT

# Nothing of this machine's configuration.
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
unset SOURCE_DATE_EPOCH

# crossdock ARGUMENT...: for Linux, with the store `store`; the context is the last argument.
crossdock() { timeout 300 "$CROSSDOCK" --root store build --platform linux/amd64 --progress plain "$@"; }

# to OUT ARGUMENT...: a new layout.
to() {
    local out=$1
    shift
    rm -rf "$out"
    crossdock -t t -o "type=oci-layout,dest=$out" "$@"
}

# files OUT: the entries of all layers: mode, owner, time, name.
files() {
    python3 - "$1" <<'PYTHON'
import io, json, sys, tarfile
layout = sys.argv[1]
read = lambda d: open(f"{layout}/blobs/" + d["digest"].replace(":", "/"), "rb").read()
load = lambda path: json.load(open(f"{layout}/{path}"))
manifest = json.loads(read(load("index.json")["manifests"][0]))
for layer in manifest["layers"]:
    with tarfile.open(fileobj=io.BytesIO(read(layer))) as tar:
        for entry in tar:
            link = f" -> {entry.linkname}" if entry.linkname else ""
            kind = {b"5": "d", b"2": "l", b"1": "h"}.get(entry.type, "f")
            name = entry.name + "/" * (kind == "d")
            print(f"{kind} {entry.mode:o} {entry.uid}:{entry.gid} {int(entry.mtime)} {name}{link}")
PYTHON
}

# has OUT TEXT: what `files` prints, exactly.
has() { diff <(files "$1") <(printf '%s\n' "$2"); }

# The context that all kinds have: the files of a commit.
mkdir -p made/sub
cat >made/Dockerfile <<'END'
FROM scratch
COPY . /c/
END
printf 'text\n' >made/sub/text
printf '#!/bin/sh\n' >made/sub/run
chmod 644 made/Dockerfile made/sub/text
chmod 755 made made/sub made/sub/run
ln -s sub/text made/link
ln -s ../../../../etc/passwd made/outside
find made -exec touch -h -d @1700000000 {} +
expected='d 755 0:0 315532800 c/
f 644 0:0 1700000000 c/Dockerfile
l 777 0:0 1700000000 c/link -> sub/text
l 777 0:0 1700000000 c/outside -> ../../../../etc/passwd
d 755 0:0 1700000000 c/sub/
f 755 0:0 1700000000 c/sub/run
f 644 0:0 1700000000 c/sub/text'

check 'a folder' to folder made
check 'a folder: its files' has folder "$expected"

# from_tar OPTION...: the folder as a tar on standard input.
from_tar() {
    tar -C made "$@" . >context.tar
    to "tar" - <context.tar
}
for compression in none gzip bzip2 xz zstd; do
    option=(--owner=nobody:65534 --group=5)
    [[ $compression == none ]] || option+=("--$compression")
    check "a tar on standard input, $compression" from_tar -c "${option[@]}"
    check "a tar on standard input, $compression: the folder's image" same_digest folder tar
done
for format in gnu posix ustar v7; do
    check "a tar of $format" from_tar -c --format=$format --numeric-owner --owner=1 --group=1
    check "a tar of $format: the folder's image" same_digest folder tar
done
repeated() {
    tar -C made -cf context.tar Dockerfile sub
    tar -C made -rf context.tar sub/text link outside
    to tar - <context.tar
}
check 'a tar that names a file twice' repeated
check 'a tar that names a file twice: the folder'"'"'s image' same_digest folder tar

# Servers of files and of repositories.
mkdir served files
git init -q -b main made-git
cp -a made/. made-git/
git -C made-git add .
git -C made-git commit -q -m one
git -C made-git tag v1
mkdir made-git/folder
printf 'FROM scratch\nCOPY . /f/\n' >made-git/folder/Dockerfile
git -C made-git add .
git -C made-git commit -q -m two
git clone -q --bare made-git served/repository.git
commit=$(git -C made-git rev-parse v1)

# Modes of checkouts: neither the umask of whoever made them matters nor what their index looks like.
mkdir ignoring
cp made/Dockerfile ignoring/
printf '**/.git\n' >ignoring/Dockerfile.dockerignore
# modes SOURCE OUT FOLDER: an image of a folder whose times are those of `made`.
modes() {
    find "$3" -name .git -prune -o -exec touch -h -d @1700000000 {} +
    to "$2" --context-modes "$1" -f ignoring/Dockerfile "$3"
}
# checked_out UMASK FOLDER OPTION...: a clone of v1.
checked_out() {
    local mask=$1 folder=$2
    shift 2
    (umask "$mask"; git clone -q "$@" made-git "$folder"; git -C "$folder" checkout -q v1)
}
for mask in 002 022 077; do
    checked_out $mask checkout-$mask
    check "modes of git, umask $mask" modes git modes checkout-$mask
    check "modes of git, umask $mask: the folder's image" same_digest folder modes
done
check 'modes of the disk, umask 077' modes disk modes checkout-077
differ() { ! same_digest folder modes; }
check 'modes of the disk, umask 077: another image' differ
check 'modes of docker' modes docker modes checkout-077
check 'modes of docker: its files' has modes "${expected//f 644/f 755}"
git -C checkout-077 -c tar.umask=0022 archive v1 >archive.tar
archived() { to archive - <archive.tar; }
check 'git archive' archived
check 'git archive: the image of git'"'"'s modes' same_digest folder archive
for version in 2 3 4; do
    git -C checkout-077 update-index --force-write-index --index-version $version
    check "modes of git, index $version" modes git modes checkout-077
    check "modes of git, index $version: the folder's image" same_digest folder modes
done
git -C checkout-077 update-index --split-index
check 'modes of git, a split index' modes git modes checkout-077
check 'modes of git, a split index: the folder'"'"'s image' same_digest folder modes
git -C checkout-077 update-index --chmod=+x sub/text
check 'modes of git, changed in the index' modes git modes checkout-077
check 'modes of git, changed in the index: its files' \
    has modes "${expected/f 644 0:0 1700000000 c\/sub\/text/f 755 0:0 1700000000 c\/sub\/text}"
git -C checkout-002 worktree add -q "$work/worktree" v1
chmod -R go= worktree
check 'modes of git, a worktree' modes git modes worktree
check 'modes of git, a worktree: the folder'"'"'s image' same_digest folder modes
checked_out 077 no-links -c core.symlinks=false
check 'links that are files are there' test -f no-links/link -a ! -L no-links/link
check 'modes of git, links that are files' modes git modes no-links
check 'modes of git, links that are files: the folder'"'"'s image' same_digest folder modes
(umask 077; git init -q --object-format=sha256 sha256; cp -a made/. sha256; git -C sha256 add .)
chmod -R go= sha256
check 'modes of git, SHA-256' modes git modes sha256
check 'modes of git, SHA-256: the folder'"'"'s image' same_digest folder modes
git init -q -b main outer
git -C outer -c protocol.file.allow=always submodule add -q "$work/made-git" module
git -C outer/module checkout -q v1
git -C outer rm -q --cached .gitmodules
rm outer/.gitmodules
chmod -R go= outer
printf 'FROM scratch\nCOPY module /c/\n' >ignoring/Dockerfile
check 'modes of git, a submodule' modes git modes outer
check 'modes of git, a submodule: its files' has modes "$expected"
rm -r outer/module/.git
check 'modes of git, a submodule without its index' modes git modes outer
check 'modes of git, a submodule without its index: its files' has modes "$expected"

next_port=$((next_port + 1))
"$(git --exec-path)/git-daemon" --listen=127.0.0.1 --port=$next_port --reuseaddr --export-all \
    --base-path="$work/served" >daemon.log 2>&1 &
started $! $next_port || { cat daemon.log; exit 1; }
daemon=git://127.0.0.1:$next_port/repository.git
next_port=$((next_port + 1))
python3 "$here/git_server.py" served $next_port >http.log 2>&1 &
started $! $next_port || { cat http.log; exit 1; }
http=http://127.0.0.1:$next_port/open/repository.git
private=127.0.0.1:$next_port/private/repository.git
next_port=$((next_port + 1))
touch requests.log
python3 "$here/file_server.py" files $next_port "$work/requests.log" >file_server.log 2>&1 &
started $! $next_port || { cat file_server.log; exit 1; }
server=http://127.0.0.1:$next_port

# requests LINE...: what the server of files was asked since the last time.
requests() {
    local asked wanted
    asked=$(sort requests.log)
    : >requests.log
    wanted=$(printf '%s\n' "$@" | sort)
    [[ $asked == "$wanted" ]] || { printf 'asked:\n%s\nnot:\n%s\n' "$asked" "$wanted"; return 1; }
}

for address in "$daemon" "$http"; do
    check "git: $address by tag" to git "$address#v1"
    check "git: $address by tag: the folder's image" same_digest folder git
    check "git: $address by commit" to git "$address#$commit"
    check "git: $address by commit: the folder's image" same_digest folder git
done
check 'git: a folder of it' to git "$http#main:folder"
check 'git: a folder of it: its files' has git 'd 755 0:0 315532800 f/
f 644 0:0 1700000000 f/Dockerfile'
check 'git: with its folder .git' to git --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$http#v1"
kept() { grep ' c/.git/HEAD$' <(files git); }
check 'git: the folder .git is there' kept
check 'git: a user and a password' to git "http://somebody:pass%3Aword@$private#v1"
check 'git: a user and a password: the folder'"'"'s image' same_digest folder git
check 'git: no user' fails 1 'credentials|no such repository' to git "http://$private#v1"
check 'git: no such tag' fails 1 'no branch, tag or commit .*none' to git "$http#none"
check 'git: no such folder' fails 1 'none' to git "$http#v1:none"
check 'git: nobody is there' fails 4 'build context' to git http://127.0.0.1:9/x.git
secret() { ! grep -rl 'pass%3Aword\|pass:word' ./*.log; }
check 'git: no message has the password' secret

# URLs.
tar -C made -czf files/context.tar.gz --owner=1 --group=1 .
cp made/Dockerfile files/Dockerfile
check 'a tar by http' to url "$server/context.tar.gz"
check 'a tar by http: the folder'"'"'s image' same_digest folder url
check 'a tar by http: it was sent' requests '200 /context.tar.gz'
check 'a tar by http again' to url "$server/context.tar.gz"
check 'a tar by http again: it was not sent' requests '304 /context.tar.gz'
check 'a Dockerfile by http' to url "$server/Dockerfile"
check 'a Dockerfile by http: its files' has url 'd 755 0:0 315532800 c/
f 600 0:0 315532800 c/context'
: >requests.log
check 'the Dockerfile alone by http' to url -f "$server/Dockerfile" made
check 'the Dockerfile alone by http: the folder'"'"'s image' same_digest folder url
: >requests.log
check 'no such file' fails 1 'does not have this file' to url "$server/none"
: >requests.log

# add OUT ADD...: an image with these instructions.
add() {
    local out=$1
    shift
    mkdir -p add
    { echo 'FROM scratch'; printf '%s\n' "${@:1:$#}"; } >add/Dockerfile
    to "$out" add
}
printf 'tool\n' >files/tool
sum=sha256:$(sha256sum files/tool | cut -d ' ' -f 1)
check 'ADD of a URL' add added "ADD $server/tool?modified /t/"
check 'ADD of a URL: its file' has added 'd 755 0:0 315532800 t/
f 600 0:0 1000000000 t/tool'
check 'ADD of a URL: it was sent' requests '200 /tool?modified'
check 'ADD of a URL again' add again "ADD $server/tool?modified /t/"
check 'ADD of a URL again: it was not sent' requests '304 /tool?modified'
check 'ADD of a URL again: the same image' same_digest added again
check 'ADD of a URL twice in a build' add twice "ADD $server/tool /a/" "ADD $server/tool /b"
check 'ADD of a URL twice in a build: asked for once' requests '200 /tool'
check 'ADD with a checksum' add sum "ADD --checksum=$sum $server/tool /"
: >requests.log
check 'ADD with a checksum again' add sum "ADD --checksum=$sum $server/tool /"
check 'ADD with a checksum again: not asked for' requests ''
check 'ADD with another checksum' fails 3 "$sum" \
    add sum "ADD --checksum=sha256:${sum:8:1}${sum:7:63} $server/tool /"
: >requests.log
printf 'other\n' >files/tool
check 'ADD of a file that has changed' add changed "ADD $server/tool?modified /t/"
check 'ADD of a file that has changed: it was sent' requests '200 /tool?modified'
check 'ADD of a file that is not there' fails 1 'Dockerfile:2.*404' add none "ADD $server/none /"
check 'ADD when nobody is there' fails 4 'Dockerfile:2' add none 'ADD http://127.0.0.1:9/x /'
check 'ADD of a tar, unpacked' add unpacked "ADD --unpack=true $server/context.tar.gz /c/"
unpacked() { grep '^f 755 1:1 1700000000 c/sub/run$' <(files unpacked); }
check 'ADD of a tar, unpacked: with its owners' unpacked
check 'ADD of git' add git "ADD $http#v1 /c/"
check 'ADD of git: its files' has git "$expected"
check 'ADD of git with a checksum' add git "ADD --checksum=$commit $http#v1 /c/"
check 'ADD of git with another checksum' fails 3 'checksum' \
    add git "ADD --checksum=${commit:1:39}0 $http#v1 /c/"

# An interruption leaves nothing behind.
head -c 200000 /dev/zero >files/large
printf 'FROM scratch\nADD %s/slow/large /\n' "$server" >add/Dockerfile
interrupted() {
    # What is in the background ignores it, unless it is told otherwise.
    python3 - "$CROSSDOCK" --root store build -o type=oci-layout,dest=large add <<'PYTHON'
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
process = subprocess.Popen(sys.argv[1:])
time.sleep(2)
assert process.poll() is None, process.returncode
process.send_signal(signal.SIGINT)
assert process.wait(20) == 130, process.returncode
PYTHON
    [[ ! -e large && -z $(ls -A store/crossdock/tmp) ]]
}
check 'ADD that is interrupted' interrupted

# Contexts with a name.
mkdir -p other named
printf 'other\n' >other/x
printf 'left out\n' >other/left
printf 'left\n.dockerignore\n' >other/.dockerignore
chmod 644 other/*
find other -exec touch -d @1700000000 {} +
printf 'FROM scratch\nCOPY --from=named . /n/\n' >named/Dockerfile
tar -C other -cf files/other.tar x
git init -q -b main other-git
cp other/x other-git/
git -C other-git add .
git -C other-git commit -q -m one
git clone -q --bare other-git served/other.git
crossdock -t other:1 -o type=oci-layout,dest=layout -f - other >layout.log 2>&1 <<<$'FROM scratch\nCOPY x /'
named='d 755 0:0 315532800 n/
f 644 0:0 1700000000 n/x'
for value in other "$server/other.tar" "${http%/*}/other.git" oci-layout://layout oci-layout://layout:1; do
    check "named: $value" to named-out --build-context "named=$value" named
    check "named: $value: its files" has named-out "$named"
done
printf 'FROM scratch AS stage\nCOPY x /\nFROM scratch\nCOPY --from=named . /n/\n' >other/Dockerfile
touch -d @1700000000 other/Dockerfile
check 'named: target:stage' to named-out --build-context named=target:stage other
check 'named: target:stage: its files' has named-out "$named"
rm other/Dockerfile
with_input() {
    local input=$1
    shift
    printf '%b' "$input" | "$@"
}
check 'named: a base' with_input 'FROM alpine\n' \
    to named-out --build-context alpine=oci-layout://layout -f - named
check 'named: wrong forms' fails 1 'docker-image://.*oci-layout://.*target:' \
    to named-out --build-context named=none named
check 'named: what is not used is not opened' to named-out --build-context named=other \
    --build-context unused=http://127.0.0.1:9/x.tar named

# Standard input, and what is not there.
check 'standard input: a Dockerfile' with_input 'FROM scratch\nLABEL a=b\n' to stdin -
check 'standard input: both' fails 1 'standard input' to stdin -f - -
other_tar() { to stdin - <files/other.tar; }
check 'standard input: no Dockerfile in it' fails 1 'nor dockerfile' other_tar
broken() { head -c 200 files/context.tar.gz | to stdin -; }
check 'standard input: it breaks off' fails 1 'build context -' broken
check 'no such context' fails 1 'build context absent' to stdin absent

# What remains in the store.
prune() {
    "$CROSSDOCK" --root store prune "$@"
    find store/blobs/sha256 -type f | wc -l
}
before_and_after() {
    local before after
    to "tar" - <context.tar
    before=$(find store/blobs/sha256 -type f | wc -l)
    after=$(prune | tail -n 1)
    echo "$before blobs, $after after prune"
    ((after < before))
}
check 'prune removes what came on standard input' before_and_after
: >requests.log
check 'prune leaves what is kept of a URL' to url "$server/context.tar.gz"
check 'prune leaves what is kept of a URL: it was not sent' requests '304 /context.tar.gz'
all() { [[ $(prune --all | tail -n 1) == 0 ]]; }
check 'prune --all leaves nothing' all

summary
