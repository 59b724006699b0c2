# shellcheck shell=bash
# One index for all systems, from registry to registry.

VERSIONS=(10.0.17763.6054 10.0.20348.2700 10.0.26100.1742)
ALL_PLATFORMS='linux/amd64,linux/arm64,windows(10.0.17763)/amd64,windows(10.0.20348)/amd64,windows(10.0.26100)/amd64'

# index_of NAME EXPRESSION: a Python expression on the index HOST/NAME, which must be true. It may
# use `entries`, their `platforms` as text, and `image(entry)`, which gives manifest and config.
index_of() {
    python3 - "$HOST" "$@" <<'PYTHON'
import json, subprocess, sys
host, name, expression = sys.argv[1:]
repository = name.split(":")[0]
def raw(reference, *options):
    command = ["skopeo", "inspect", "--tls-verify=false", *options, "--raw", "docker://" + reference]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
index = raw(f"{host}/{name}")
entries = index["manifests"]
def show(p):
    version = p.get("os.version", "")
    return p["os"] + (f"({version})" if version else "") + "/" + p["architecture"]
platforms = [show(entry["platform"]) for entry in entries]
def image(entry):
    reference = f"{host}/{repository}@{entry['digest']}"
    return raw(reference), raw(reference, "--config")
print(json.dumps(index, indent=1))
# A comprehension sees only globals.
names = {"entries": entries, "platforms": platforms, "image": image, "index": index, "show": show}
assert eval(expression, names), expression
PYTHON
}

# bases_of_all_versions: an index of five bases, and one tag for each version of Windows, which
# the product makes of nothing.
bases_of_all_versions() {
    local version platforms=linux/amd64,linux/arm64
    printf 'FROM scratch\nCOPY app.exe /base/\n' >dockerfile.in
    for version in "${VERSIONS[@]}"; do
        platforms+=",windows($version)/amd64"
        push_build store-bases "$HOST/nano:${version%.*}" "windows($version)/amd64" || return
    done
    push_build store-bases "$HOST/base/all:1" "$platforms"
}

# all_systems STORE NAME [OPTION...] <dockerfile.in: builds and pushes NAME for all platforms.
all_systems() { push_build "$1" "$HOST/$2" "$ALL_PLATFORMS" "${@:3}"; }

# takes STORE PLATFORM VERSION: what `pull --platform` chooses.
takes() {
    crossdock "$1" pull -q --platform "$2" "$HOST/out/app:1" >pulled.digest &&
        index_of out/app:1 "[show(e['platform']) for e in entries
            if e['digest'] == '$(cat pulled.digest)'] == ['$3']"
}

# fetched PLATFORM NUMBER: containerd fetches the index and the image of the platform, and no other:
# so many of the index's manifests.
fetched() {
    ctr_here content fetch --plain-http --platform "$1" "$HOST/out/app:1" >/dev/null &&
        ctr_here content ls -q >content.list &&
        index_of out/app:1 "sum(e['digest'] in open('content.list').read() for e in entries) == $2"
}

registry_8_index() {
    local version
    start_registry registry-index
    check 'bases for five platforms' bases_of_all_versions
    check 'their index says what they are for' index_of base/all:1 \
        'len(platforms) == 5 and platforms[3] == "windows(10.0.20348.2700)/amd64"'

    dockerfile_of_index >dockerfile.in
    mark registry-index
    check 'five images in one command' all_systems store-index out/app:1
    check 'the base was asked for once' asked registry-index \
        'asks("HEAD", "manifests", "/base/all/manifests/1") == 1'
    check 'its layers were mounted, not sent' asked registry-index \
        'asks("POST", "mounts", "from=base", 201) >= 2'
    check 'five configs and four new layers were sent' asked registry-index \
        'asks("PUT", "uploads", "", 201) == 9'
    check 'the versions are in the index' index_of out/app:1 \
        'platforms == ["linux/amd64", "linux/arm64"] + [f"windows({v})/amd64" for v in
            "10.0.17763.6054 10.0.20348.2700 10.0.26100.1742".split()]'
    check 'and in the configs' index_of out/app:1 \
        'all(show(image(e)[1]) == p for e, p in zip(entries, platforms))'
    check 'the copies are equal where the system is' index_of out/app:1 \
        'len({l["digest"] for e in entries for l in image(e)[0]["layers"][-2:]}) == 4'
    mark registry-index
    check 'again' all_systems store-index out/app:1
    check 'nothing is sent or fetched' asked registry-index \
        'all(method == "HEAD" for method, *_ in requests)'
    check 'from another store, under another name' all_systems store-index-2 out/app:2 --no-cache
    check 'the same index' same_remote out/app:1 out/app:2

    cat >dockerfile.in <<DOCKERFILE
FROM $HOST/base/all:1 AS linux-
FROM $HOST/nano:10.0.17763 AS windows-10.0.17763
FROM $HOST/nano:10.0.20348 AS windows-10.0.20348
FROM $HOST/nano:10.0.26100 AS windows-10.0.26100
FROM \${TARGETOS}-\${TARGETOSVERSION}
COPY . /app/
DOCKERFILE
    check 'bases with a tag for each version' all_systems store-index out/tags:1
    check 'lead to the same platforms' index_of out/tags:1 \
        'platforms[2:] == [f"windows({v})/amd64" for v in
            "10.0.17763.6054 10.0.20348.2700 10.0.26100.1742".split()]'

    for version in 17763:6054 20348:2700 26100:1742; do
        check "a host ${version%:*} takes its own" takes store-take \
            "windows(10.0.${version%:*}.9)/amd64" "windows(10.0.${version/:/.})/amd64"
    done
    check 'a host between two takes the earlier' takes store-take 'windows(10.0.25398)/amd64' \
        'windows(10.0.20348.2700)/amd64'
    check 'one that is too old takes none' fails 1 'no image for windows\(10.0.14393\)' \
        crossdock store-take pull --platform 'windows(10.0.14393)/amd64' "$HOST/out/app:1"
    check 'an architecture' takes store-take linux/arm64 linux/arm64

    containerd_config >containerd.toml
    containerd -c containerd.toml >containerd.log 2>&1 &
    started_pids+=($!)
    for _ in {1..100}; do
        if ctr_here version >/dev/null 2>&1; then break; fi
        sleep 0.1
    done
    check 'containerd takes the one for linux/arm64' fetched linux/arm64 1
    check 'and all three for Windows, whose versions it leaves to the host' fetched windows/amd64 4
    stop_all
}

# same_remote NAME NAME: both are the same.
same_remote() {
    echo "$(remote_digest "$1") $(remote_digest "$2")"
    [[ $(remote_digest "$1") == "$(remote_digest "$2")" ]]
}

# A Dockerfile for the platforms of base/all:1 at HOST.
dockerfile_of_index() {
    cat <<DOCKERFILE
FROM --platform=linux/amd64 $HOST/base/all:1 AS tools
COPY app.exe /tools/bin/
FROM $HOST/base/all:1
ARG TARGETPLATFORM
LABEL platform=\$TARGETPLATFORM
COPY --from=tools /tools/ /tools/
COPY . /app/
DOCKERFILE
}
