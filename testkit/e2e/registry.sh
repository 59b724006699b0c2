#!/usr/bin/env bash
# The registry client against Debian's docker-registry on this machine: without and with a login,
# without and with TLS. Needs docker-registry, htpasswd (apache2-utils), openssl and skopeo.
#
#   registry.sh [FOLDER]     work in FOLDER (a temporary one)
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
        stop
    done
done
summary
