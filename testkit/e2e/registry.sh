#!/usr/bin/env bash
# The registry client against Debian's docker-registry on this machine: without and with a login,
# without and with TLS. Needs docker-registry, htpasswd (apache2-utils), openssl and skopeo.
#
#   registry.sh [FOLDER]     work in FOLDER (a temporary one)
#
# CROSSDOCK is the command; without it, it is built.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${1:-$(mktemp -d)}
cd "$work"
# shellcheck source=testkit/e2e/lib.sh
source "$here/lib.sh"

registry_pid=
stop() {
    [[ -z $registry_pid ]] || kill "$registry_pid" 2>/dev/null || true
    registry_pid=
}
trap stop EXIT

# start NAME PORT [AUTH] [TLS]: a registry with its data in NAME.
start() {
    local name=$1 port=$2 auth=${3:-} tls=${4:-}
    mkdir -p "$name"
    {
        echo "version: 0.1"
        echo "log: {level: error}"
        echo "storage: {filesystem: {rootdirectory: $work/$name}}"
        echo "http:"
        echo "  addr: 127.0.0.1:$port"
        [[ -z $tls ]] || echo "  tls: {certificate: $work/server.crt, key: $work/server.key}"
        [[ -z $auth ]] || echo "auth: {htpasswd: {realm: test, path: $work/htpasswd}}"
    } >"$name.yml"
    docker-registry serve "$name.yml" >"$name.log" 2>&1 &
    registry_pid=$!
    for _ in {1..100}; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "the registry did not start:" >&2
    cat "$name.log" >&2
    return 1
}

exchange() {
    (cd "$here/../.." &&
        cargo test --quiet -p crossdock-remote --test registry -- --ignored real::push_and_pull)
}

# crossdock ARGUMENT...: with the login folder's configuration alone.
crossdock() { DOCKER_CONFIG=$work/login "$CROSSDOCK" "$@"; }

# login USER PASSWORD SERVER
login() { printf '%s\n' "$2" | crossdock login -u "$1" --password-stdin "$3"; }

# A configuration with other things in it, behind a symbolic link, that everybody may read. (Inside
# of `check` bash goes on after a failure, so each step says what follows it.)
log_in() {
    rm -rf login
    mkdir -p login/real
    echo '{"z": 1.0, "auths": {"other": {"auth": "eDp5"}}, "a": {"b":"c"}}' >login/real/it.json
    chmod 644 login/real/it.json
    ln -s real/it.json login/config.json
    login somebody 'pass:word' "$1" >out.log 2>err.log || { cat err.log; return 1; }
    cat out.log err.log login/config.json
    [[ $(<out.log) == 'Login Succeeded' ]] &&
        grep -q "unencrypted in $work/login/config.json" err.log &&
        ! grep -q pass:word out.log err.log &&
        [[ -L login/config.json && $(stat -c %a login/real/it.json) == 600 ]] &&
        [[ $(ls login/real) == it.json ]] &&
        cmp login/config.json - <<END
{
	"z": 1.0,
	"auths": {
		"other": {"auth": "eDp5"},
		"$1": {
			"auth": "$(printf somebody:pass:word | base64)"
		}
	},
	"a": {"b":"c"}
}
END
}

# What is there is used: by another login, and by skopeo.
stays_in() {
    crossdock login "$1" </dev/null &&
        skopeo inspect --authfile login/config.json --raw "--tls-verify=$verify" \
            --cert-dir "$work/trusted" "docker://$1/test/image:one"
}

log_out() {
    [[ $(crossdock logout "$1") == "Removed the login to $1 from $work/login/config.json" ]] &&
        grep -q '"other"' login/config.json &&
        ! grep -q "$1" login/config.json &&
        [[ $(crossdock logout "$1") == "Not logged in to $1" ]]
}

# A wrong password changes nothing, and is shown nowhere.
wrong_password() {
    cp login/real/it.json before.json
    fails 1 'credentials are not accepted' login somebody hunter2 "$1" &&
        ! grep -q hunter2 fails.log &&
        cmp before.json login/real/it.json
}

if [[ -z ${CROSSDOCK:-} ]]; then
    target=$(cd "$here/../.." && cargo build --quiet -p crossdock && cargo metadata --no-deps \
        --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    CROSSDOCK=$target/debug/crossdock
fi

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority \
    -keyout ca.key -out ca.crt 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
    -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) -out server.crt 2>/dev/null
htpasswd -Bbc htpasswd somebody 'pass:word' 2>/dev/null
mkdir -p docker nothing trusted
cp ca.crt trusted/

port=$((20000 + RANDOM % 10000))
for auth in '' auth; do
    for tls in '' tls; do
        port=$((port + 1))
        export CROSSDOCK_TEST_REGISTRY=localhost:$port
        unset SSL_CERT_FILE CROSSDOCK_TEST_LOGIN
        export DOCKER_CONFIG=$work/nothing
        if [[ -n $tls ]]; then export SSL_CERT_FILE=$work/ca.crt; fi
        if [[ -n $auth ]]; then
            export CROSSDOCK_TEST_LOGIN=1 DOCKER_CONFIG=$work/docker
            printf '{"auths": {"localhost:%s": {"auth": "%s"}}}' \
                "$port" "$(printf 'somebody:pass:word' | base64)" >docker/config.json
        fi
        name=registry${auth:+-$auth}${tls:+-$tls}
        start "$name" "$port" "$auth" "$tls"
        check "$name: push and pull" exchange
        # What was pushed is what another client reads.
        verify=false
        [[ -z $tls ]] || verify=true
        check "$name: skopeo" skopeo inspect --raw --tls-verify=$verify --cert-dir "$work/trusted" \
            ${auth:+--creds somebody:pass:word} \
            "docker://localhost:$port/test/image:one"
        if [[ -n $auth ]]; then
            check "$name: login" log_in "localhost:$port"
            check "$name: login again" stays_in "localhost:$port"
            check "$name: login with a wrong password" wrong_password "localhost:$port"
            check "$name: logout" log_out "localhost:$port"
            # Standard input is empty.
            check "$name: login without a terminal" fails 1 'password-stdin' crossdock login \
                "localhost:$port"
        fi
        stop
    done
done
check 'login to nobody' fails 4 'refused' login somebody x localhost:1
check 'login with a colon in the name' fails 1 'colon' login some:body x localhost:1
check 'a user name is needed' fails 2 'username' crossdock login --password-stdin localhost:1
summary
