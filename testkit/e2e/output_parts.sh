# shellcheck shell=bash
# What the outputs of a build write, read by others.

# all_outputs STORE OS NAME <dockerfile.in: one build into everything that one platform can go to.
all_outputs() {
    local context code=0
    context=$(make_context <dockerfile.in)
    crossdock "$1" build --platform "$2/amd64" -t "$HOST/out/$3:1" --metadata-file "$3.json" \
        -o "type=docker,dest=$3.docker.tar" \
        -o "type=oci,dest=$3.zstd.tar,compression=zstd,force-compression=true" \
        -o "type=oci-layout,dest=$3-plain,compression=uncompressed,force-compression=true" \
        -o "type=oci-layout,dest=$3-best,compression=gzip,compression-level=9" \
        -o "type=image,push=true" \
        -o "type=tar,dest=$3.tar" -o "type=local,dest=$3-files" "$context" || code=$?
    rm -rf "$context"
    return "$code"
}

# metadata FILE EXPRESSION: of a --metadata-file, which is `m`.
metadata() {
    python3 -c '
import json, sys
m = json.load(open(sys.argv[1]))
print(json.dumps(m, indent=1))
assert eval(sys.argv[2]), sys.argv[2]' "$@"
}

# in_layout ARCHIVE LAYOUT: an OCI archive as a layout with the tag latest, by skopeo.
in_layout() { skopeo copy -q --override-os "$3" "oci-archive:$work/$1" "oci:$work/$2:latest"; }

# layer_types LAYOUT TYPE: all layers have a media type that ends so.
layer_types() { image "$1" "all(l['mediaType'].endswith('$2') for l in manifest['layers'])"; }

# complete NAME: containerd has all of an image.
complete() { ctr_here image check "name==$HOST/$1" >complete.log && grep complete complete.log; }

# start_dockerd: Debian's dockerd, in a user namespace, at DOCKER_HOST.
start_dockerd() {
    local folder=$work/dockerd
    mkdir -p "$folder/run"
    # What root runs lies in the way of what runs without root.
    XDG_RUNTIME_DIR=$folder/run rootlesskit --net=host --state-dir="$folder/kit" --copy-up=/run \
        --copy-up=/etc sh -c 'rm -rf /run/docker /run/containerd /run/xtables.lock; exec "$@"' sh \
        dockerd --rootless --bridge=none --ip-forward=false --iptables=false --ip6tables=false \
        --storage-driver=vfs --data-root="$folder/data" --exec-root="$folder/exec" \
        --pidfile="$folder/pid" -H "$DOCKER_HOST" >dockerd.log 2>&1 &
    echo $! >dockerd.pid
    for _ in {1..150}; do
        if docker version >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    tail -n 20 dockerd.log
    return 1
}

# docker_has NAME: the image has the id and the name that the build said.
docker_has() {
    local id
    id=$(docker image inspect -f '{{.Id}}' "$HOST/out/$1:1") && echo "$id" &&
        metadata "$1.json" "m['containerimage.config.digest'] == '$id'"
}

# docker_exports NAME: the file system that docker makes of the image, as a tar.
docker_exports() {
    local container
    container=$(docker create "$HOST/out/$1:1" /none) &&
        docker export -o "$1-exported.tar" "$container"
}

registry_9_outputs() {
    local path name os win32 not_of_users
    # What no file of Linux has, and what an ordinary user cannot give one.
    win32=(attributes descriptor created accessed changed origin streams eas junction
        'original link' 'original name')
    not_of_users=("${win32[@]}" uid gid mode xattrs mtime)
    start_registry registry-outputs
    to_linux "$LIN:gzip" "$WIN:gzip" >dockerfile.in
    check 'a Linux image, everywhere' all_outputs store-outputs linux lin-out
    to_windows "$LIN:gzip" "$WIN:gzip" >dockerfile.in
    check 'a Windows image, everywhere' all_outputs store-outputs windows win-out
    # Whose owners fit into a user namespace.
    owners_dockerfile >dockerfile.in
    check 'an image upon Debian, everywhere' all_outputs store-outputs linux deb-out
    for name in lin-out win-out; do
        os=linux
        [[ $name == lin-out ]] || os=windows
        check "$name: what was pushed is what the metadata says" metadata "$name.json" \
            "m['containerimage.digest'] == '$(remote_digest "out/$name:1")'"
        check "$name: skopeo reads layers in zstd" in_layout "$name.zstd.tar" "$name-zstd" "$os"
        check "$name: all are zstd" layer_types "$name-zstd" +zstd
        check "$name: all are plain" layer_types "$name-plain" .tar
        check "$name: those of the base are as they were" image "$name-best" \
            "all(l['mediaType'].endswith('+gzip') for l in manifest['layers'])"
        check "$name: zstd holds what gzip holds" \
            compare roundtrip "$name-best:/" "$name-zstd:/"
        check "$name: plain holds what gzip holds" \
            compare roundtrip "$name-best:/" "$name-plain:/"
        check "$name: skopeo reads the docker archive" \
            skopeo copy -q --override-os "$os" "docker-archive:$work/$name.docker.tar" \
            "oci:$work/$name-docker:latest"
        check "$name: it holds the same" compare roundtrip "$name-best:/" "$name-docker:/"
    done
    check 'the validator accepts zstd' validate win-out-zstd --skip 4
    check 'the validator accepts plain layers' validate win-out-plain --skip 4
    check 'umoci unpacks plain layers' umoci unpack --rootless --image lin-out-plain:1 unpacked
    check 'buildah reads the docker archive' buildah_here pull -q \
        "docker-archive:$work/deb-out.docker.tar"

    check 'a tar of a Linux image is its tree' compare roundtrip lin-out-best:/ lin-out.tar:/
    for path in "${WINDOWS_SMALL[@]}"; do
        check "a tar of a Windows image: $path" \
            compare crosscopy "win-out-best:$path" "win-out.tar:$path"
    done
    # An ordinary user makes no devices, which the one has in /dev.
    for path in lin-out:/opt lin-out:/w win-out:/ deb-out:/; do
        name=${path%:*} path=${path#*:}
        # The others have times that file systems do not hold.
        [[ $name != deb-out ]] || not_of_users=("${win32[@]}" uid gid mode xattrs)
        chmod -R u+rX "$name-files"
        tar --format=posix -C "$name-files" -cf "$name-files.tar" .
        check "$name: files in a folder" \
            compare roundtrip "$name.tar:$path" "$name-files.tar:$path" \
            "${not_of_users[@]/#/--ignore=}"
    done

    containerd_config >containerd.toml
    containerd -c containerd.toml >containerd.log 2>&1 &
    started_pids+=($!)
    for _ in {1..100}; do
        if ctr_here version >/dev/null 2>&1; then break; fi
        sleep 0.1
    done
    for name in lin-out.docker lin-out.zstd win-out.zstd; do
        check "containerd imports $name.tar" \
            ctr_here image import --no-unpack --all-platforms "$name.tar"
    done
    check 'all of it is there' complete out/win-out:1

    if [[ -n ${CROSSDOCK_E2E_DOCKER:-} ]]; then
        PATH=$CROSSDOCK_E2E_DOCKER/usr/bin:$CROSSDOCK_E2E_DOCKER/usr/sbin:$PATH
    fi
    if command -v dockerd rootlesskit >/dev/null; then
        export DOCKER_HOST=unix://$work/dockerd/socket
        check 'dockerd runs' start_dockerd
        started_pids+=("$(cat dockerd.pid)")
        check 'docker loads the archive' docker load -i deb-out.docker.tar
        check 'docker has the image under its name and id' docker_has deb-out
        check 'docker unpacks it' docker_exports deb-out
        # docker's files have whole seconds.
        for path in /etc/apt /etc/security /w /app; do
            check "docker's $path is the image's" \
                compare roundtrip "deb-out.tar:$path" "deb-out-exported.tar:$path" \
                "${win32[@]/#/--ignore=}" --ignore=mtime
        done
        check 'docker pulls it' docker pull "$HOST/out/deb-out:1"
        check 'docker refuses an image for Windows, and says why' fails 1 'windows' \
            docker load -i win-out.docker.tar
        docker image rm -f "$(docker image ls -q)" >/dev/null 2>&1 || true
    else
        skip 'docker' 'there is no dockerd or no rootlesskit'
    fi
    stop_all
    # Files of other ids can only be removed by who may have them.
    buildah unshare rm -rf "$work/dockerd" || true
}
