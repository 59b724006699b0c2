# shellcheck shell=bash
# Registries on this machine: Debian's docker-registry, and a server of files. Sourced after lib.sh,
# in the work folder.

next_port=$((20000 + RANDOM % 10000))

# certificates: an authority (ca.crt, trusted/) that nobody knows, and a server's certificate by it.
certificates() {
    [[ ! -e server.crt ]] || return 0
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority \
        -keyout ca.key -out ca.crt 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr \
        2>/dev/null
    openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
        -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) -out server.crt 2>/dev/null
    mkdir -p trusted
    cp ca.crt trusted/
    htpasswd -Bbc htpasswd somebody 'pass:word' 2>/dev/null
}

# start_registry NAME [AUTH] [TLS]: a registry with its data in NAME and its requests in NAME.log;
# AUTH and TLS are on unless empty. HOST is set to what images there begin with. It listens on the
# address LISTEN.
start_registry() {
    local name=$1 auth=${2:-} tls=${3:-} address=${LISTEN:-127.0.0.1}
    certificates
    mkdir -p "$name"
    for _ in 1 2 3; do
        next_port=$((next_port + 1))
        HOST=${LISTEN:-localhost}:$next_port
        {
            echo "version: 0.1"
            echo "log: {level: error}"
            echo "storage: {filesystem: {rootdirectory: $work/$name}, delete: {enabled: true}}"
            # Layers may lie elsewhere.
            echo "validation: {manifests: {urls: {allow: ['^https://localhost']}}}"
            echo "http:"
            echo "  addr: $address:$next_port"
            [[ -z $tls ]] || echo "  tls: {certificate: $work/server.crt, key: $work/server.key}"
            [[ -z $auth ]] || echo "auth: {htpasswd: {realm: test, path: $work/htpasswd}}"
        } >"$name.yml"
        docker-registry serve "$name.yml" >"$name.log" 2>&1 &
        if started $! "$next_port" "$address"; then return; fi
    done
    echo "the registry did not start:" >&2
    cat "$name.log" >&2
    return 1
}

# started PID PORT [ADDRESS]: waits until a process listens.
started() {
    started_pids+=("$1")
    for _ in {1..100}; do
        # The port was somebody else's.
        kill -0 "$1" 2>/dev/null || return 1
        if (exec 3<>"/dev/tcp/${3:-127.0.0.1}/$2") 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    return 1
}

# start_files FOLDER: serves its files under https://$FILES/, requests in files.log.
start_files() {
    certificates
    next_port=$((next_port + 1))
    FILES=localhost:$next_port
    python3 "$here/files.py" "$1" "$next_port" server.crt server.key >files.log 2>&1 &
    started $! "$next_port"
}

# may_log_in HOST: tells docker's config.json, which all clients read, the login of a registry.
may_log_in() {
    mkdir -p "$HOME/.docker"
    printf '{"auths": {"%s": {"auth": "%s"}}}' "$1" "$(printf 'somebody:pass:word' | base64)" \
        >"$HOME/.docker/config.json"
}

# to_registry LAYOUT:TAG NAME: all of an image goes to HOST/NAME, without the product.
to_registry() {
    # It would compress layers that are not.
    skopeo copy --all --preserve-digests -q --dest-tls-verify=false \
        "oci:$work/$1" "docker://$HOST/$2"
}

# from_registry NAME LAYOUT [OS]: the image of HOST/NAME, in a layout, read by another client.
from_registry() {
    skopeo copy -q --override-os "${3:-linux}" --src-tls-verify=false \
        "docker://$HOST/$1" "oci:$work/$2:latest"
}

# remote_digest NAME: what HOST/NAME is.
remote_digest() {
    skopeo inspect --raw --tls-verify=false "docker://$HOST/$1" | sha256sum |
        sed 's/^\([0-9a-f]*\).*/sha256:\1/'
}

# mark NAME...: what registries are asked from now on counts.
mark() {
    local name
    for name in "$@"; do
        settle "$name"
        wc -c <"$name.log" >"$name.mark"
    done
}

# A request is logged when it is over, a moment later than its client knows.
settle() {
    local size
    for _ in {1..20}; do
        size=$(wc -c <"$1.log")
        sleep 0.1
        [[ $size != "$(wc -c <"$1.log")" ]] || return 0
    done
}

# asked NAME EXPRESSION: what the registry was asked since the mark, as traffic.py has it.
asked() {
    settle "$1"
    python3 "$here/traffic.py" "$1.log" "$(cat "$1.mark")" "$2"
}

# small_images: smaller images than those of parts.sh, and clients that find only what is made for them.
small_images() {
    export HOME=$work/home
    mkdir -p "$HOME"
    unset SSL_CERT_FILE SSL_CERT_DIR DOCKER_CONFIG REGISTRY_AUTH_FILE XDG_RUNTIME_DIR \
        XDG_CONFIG_HOME HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
    "$CROSSDOCK_FIXTURES" windows-base win --files 600
    "$CROSSDOCK_FIXTURES" linux-base lin --packages 20
    "$CROSSDOCK_FIXTURES" layout-from-tar "$cache/debian.tar" debian --os linux --gzip
    WIN=oci-layout://$work/win
    LIN=oci-layout://$work/lin
    DEBIAN=oci-layout://$work/debian
}
