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
# shellcheck source=testkit/e2e/registries.sh
source "$here/registries.sh"
trap stop_all EXIT

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

mkdir -p docker nothing
for auth in '' auth; do
    for tls in '' tls; do
        name=registry${auth:+-$auth}${tls:+-$tls}
        start_registry "$name" "$auth" "$tls"
        export CROSSDOCK_TEST_REGISTRY=$HOST
        unset SSL_CERT_FILE CROSSDOCK_TEST_LOGIN
        export DOCKER_CONFIG=$work/nothing
        if [[ -n $tls ]]; then export SSL_CERT_FILE=$work/ca.crt; fi
        if [[ -n $auth ]]; then
            export CROSSDOCK_TEST_LOGIN=1 DOCKER_CONFIG=$work/docker
            printf '{"auths": {"%s": {"auth": "%s"}}}' \
                "$HOST" "$(printf 'somebody:pass:word' | base64)" >docker/config.json
        fi
        check "$name: push and pull" exchange
        # What was pushed is what another client reads.
        verify=false
        [[ -z $tls ]] || verify=true
        check "$name: skopeo" skopeo inspect --raw --tls-verify=$verify --cert-dir "$work/trusted" \
            ${auth:+--creds somebody:pass:word} \
            "docker://$HOST/test/image:one"
        if [[ -n $auth ]]; then
            check "$name: login" log_in "$HOST"
            check "$name: login again" stays_in "$HOST"
            check "$name: login with a wrong password" wrong_password "$HOST"
            check "$name: logout" log_out "$HOST"
            # Standard input is empty.
            check "$name: login without a terminal" fails 1 'password-stdin' crossdock login "$HOST"
        fi
        stop_all
    done
done
check 'login to nobody' fails 4 'refused' login somebody x localhost:1
check 'login with a colon in the name' fails 1 'colon' login some:body x localhost:1
check 'a user name is needed' fails 2 'username' crossdock login --password-stdin localhost:1
summary
