#!/usr/bin/env bash
# The client of git repositories: on repositories in a folder, and on the same ones served by git
# daemon and by http on this machine. Needs git, python3 and tar.
#
#   git.sh [FOLDER]     work in FOLDER (a temporary one)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${1:-$(mktemp -d)}
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

# repository NAME: a new one in served/NAME.git, with files made by the commands on standard input.
repository() {
    local made=made-$1
    git init -q -b main "$made"
    (cd "$made" && bash -euo pipefail)
    git clone -q --bare "$made" "served/$1.git"
    git -C "served/$1.git" update-server-info
}

# tests ARGUMENT...: those of the client; some must have run.
tests() {
    (cd "$here/../.." && cargo test --quiet -p crossdock-remote --test git -- --ignored "$@") \
        2>&1 | tee tests.log
    grep -E 'test result: ok. [1-9][0-9]* passed' tests.log
}

mkdir served
repository inner <<'END'
echo inner >inner.txt
git add .
git commit -q -m inner
END
inner=$(git -C served/inner.git rev-parse HEAD)
repository all <<END
echo old >old.txt
git add .
git commit -q -m first
rm old.txt
mkdir folder
echo text >folder/text.txt
ln -s folder/text.txt link
echo 'folder export-ignore' >.gitattributes
git config -f .gitmodules submodule.sub.path sub
git config -f .gitmodules submodule.sub.url ../inner.git
git update-index --add --cacheinfo 160000,$inner,sub
mkdir sub
git add .
git commit -q -m second
git tag -m 'a tag' v1
END

next_port=$((next_port + 1))
"$(git --exec-path)/git-daemon" --listen=127.0.0.1 --port=$next_port --reuseaddr --export-all \
    --base-path="$work/served" >daemon.log 2>&1 &
started $! $next_port || { cat daemon.log; exit 1; }
export CROSSDOCK_TEST_GIT_DAEMON=git://127.0.0.1:$next_port
next_port=$((next_port + 1))
python3 "$here/git_server.py" served $next_port >http.log 2>&1 &
started $! $next_port || { cat http.log; exit 1; }
export CROSSDOCK_TEST_GIT_HTTP=127.0.0.1:$next_port

check 'git: repositories in a folder' tests --skip served::
check 'git: servers' tests served::
summary
