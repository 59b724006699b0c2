#!/usr/bin/env bash
# Makes the indexes of this folder, which the tests of the parser read, with the git that is there
# (they were made by 2.47). What they say of files' times and inodes differs each time; nothing reads it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'

# repository NAME OPTION...: files of each kind.
repository() {
    local name=$1
    shift
    git init -q -b main "$@" "$work/$name"
    cd "$work/$name"
    mkdir -p sub/deep
    printf 'text\n' >text
    printf '#!/bin/sh\n' >run
    printf 'x' >sub/deep/é
    printf 'x' >sub-file
    chmod 755 run
    chmod 644 text sub/deep/é sub-file
    ln -s sub/deep link
    git add .
    git commit -q -m one
}
keep() { cp .git/index "$here/$1"; }

repository plain
git update-index --index-version 2
keep v2
git update-index --index-version 4
keep v4
git -c index.skipHash=true update-index --force-write-index
keep no-checksum
printf 'new' >new
git add -N new
git update-index --index-version 3
keep v3
repository sha256 --object-format=sha256
keep sha256
repository merge
git checkout -q -b theirs
printf 'theirs\n' >text
printf 'theirs\n' >run
chmod 644 run
git commit -qam theirs
git checkout -q main
printf 'ours\n' >text
git rm -q run
git commit -qam ours
git merge -q theirs >/dev/null || true
git update-index --add --cacheinfo "160000,$(git rev-parse HEAD),module"
keep merge
repository split
for number in {1..80}; do printf x >"file-$number"; done
# Entries of files that are as new as the index would all be changes.
find . -name .git -prune -o -exec touch -h -d @1700000000 {} +
git add .
git update-index --split-index
cp .git/sharedindex.* "$here/split-shared"
chmod 755 file-10
git add file-10
git rm -q --cached file-20 text
printf x >zzz
touch -d @1700000000 zzz
git add zzz
keep split
repository sparse
mkdir other
printf x >other/x
git add other
git commit -q -m two
git sparse-checkout set --cone --sparse-index sub
keep sparse
