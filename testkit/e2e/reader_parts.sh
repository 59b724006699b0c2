# shellcheck shell=bash
# The part of registry_builds.sh about other programs that read what was built: skopeo, umoci,
# buildah and containerd, all as an ordinary user.

registry_4_readers() {
    references
    local os out
    start_registry readers
    for out in l2w w2l; do
        os=windows
        [[ $out == l2w ]] || os=linux
        readers "$out" "$os"
    done
    # Several owners need several ids.
    if grep -q "^$(id -un):" /etc/subuid && buildah unshare true 2>/dev/null; then
        owners_dockerfile >dockerfile.in
        check 'an image whose files have owners' push_build store-ref "$HOST/owners:1" linux/amd64
        check 'buildah pulls and mounts it' buildah_pulls "$HOST/owners:1"
    else
        skip 'buildah pulls and mounts an image' 'this user has no subordinate ids'
    fi
    stop_all
    containerd_reads
}

owners_dockerfile() {
    cat <<DOCKERFILE
FROM --platform=linux/amd64 $DEBIAN AS debian
FROM --platform=windows/amd64 $WIN:gzip AS windows
FROM scratch
COPY --from=debian /etc/ /etc/
$(copies windows /w "${WINDOWS_SMALL[@]}")
COPY app.exe /app/
DOCKERFILE
}

# readers OUT OS: what OUT of `references` is to programs that are no daemons.
readers() {
    local out=$1 os=$2 wanted
    wanted=$(digest "ref-$out")
    reference_dockerfile "$out" >dockerfile.in
    check "$out: pushed, and an archive" push_and_archive "$out" "$os"
    check "$out: skopeo inspects the archive" \
        skopeo inspect --override-os "$os" "oci-archive:$work/$out.tar"
    check "$out: skopeo copies from the registry" from_registry "$out:1" "read-$out" "$os"
    check "$out: it is the image" same_digest "ref-$out" "read-$out"
    # As docker's `save` has it: other compression, other manifest, the same layers within.
    check "$out: skopeo makes docker's archive" skopeo copy -q --override-os "$os" \
        "oci:$work/ref-$out:latest" "docker-archive:$work/$out-docker.tar:$out:1"
    check "$out: skopeo copies it to docker's manifest" skopeo copy -q --override-os "$os" \
        --format v2s2 "oci:$work/ref-$out:latest" "dir:$work/$out-v2s2"
    check "$out: umoci lists it" umoci stat --image "$work/ref-$out:latest"
    # That umoci unpacks a Windows image is run.sh's to show: the base here has links to later
    # entries, as exports of Windows do, which nothing on Linux unpacks.
    if [[ $os == linux ]]; then
        check "$out: umoci unpacks it" umoci unpack --rootless --image "$work/ref-$out:latest" \
            "$work/$out-unpacked"
        check "$out: the base's file is there" test -e "$out-unpacked/rootfs/usr/bin"
        check "$out: the copied folder is there" test -d "$out-unpacked/rootfs/w/Windows_System32"
        check "$out: the context's file is there" grep -q program "$out-unpacked/rootfs/app/app.exe"
    fi
    check "$out: buildah reads the archive" \
        buildah_reads "$os" "oci-archive:$work/$out.tar" "$wanted"
    check "$out: buildah reads the registry" \
        buildah_reads "$os" "docker://$HOST/$out:1" "$wanted"
}

reference_dockerfile() {
    case $1 in
    l2w) to_windows "$LIN:gzip" "$WIN:gzip" ;;
    w2l) to_linux "$LIN:gzip" "$WIN:gzip" ;;
    esac
}

push_and_archive() {
    push_build store-ref "$HOST/$1:1" "$2/amd64" -o "type=oci,dest=$1.tar" &&
        [[ $(remote_digest "$1:1") == "$(digest "ref-$1")" ]]
}

buildah_here() {
    buildah --root "$work/buildah" --runroot "$work/buildah-run" --storage-driver vfs "$@"
}

# buildah_reads OS IMAGE DIGEST: into a manifest list, which needs nothing that a user may lack.
buildah_reads() {
    buildah_here manifest create "list-$3-${2%%:*}" &&
        buildah_here manifest add --tls-verify=false --override-os "$1" "list-$3-${2%%:*}" "$2" &&
        buildah_here manifest inspect "list-$3-${2%%:*}" | tee /dev/stderr | grep -F "$3"
}

# buildah_pulls IMAGE: with ids of its own in a user namespace, buildah unpacks every layer.
buildah_pulls() {
    local container
    buildah_here pull --tls-verify=false "docker://$1" &&
        container=$(buildah_here from "$1") &&
        buildah_here unshare sh -c '
            root=$(buildah --root "$1" --runroot "$2" --storage-driver vfs mount "$3") &&
            grep program "$root/app/app.exe" && test -d "$root/w/Windows_System32" &&
            test "$(stat -c %g "$root/etc/shadow")" = 42' \
            sh "$work/buildah" "$work/buildah-run" "$container"
}

# containerd_reads: containerd's content store and image service need no root; only unpacking does,
# and it is not containerd on Linux that unpacks Windows images.
containerd_reads() {
    local out os wanted
    containerd_config >containerd.toml
    containerd -c containerd.toml >containerd.log 2>&1 &
    started_pids+=($!)
    for _ in {1..100}; do
        if ctr_here version >/dev/null 2>&1; then break; fi
        sleep 0.1
    done
    check 'containerd runs' ctr_here version
    for out in l2w w2l; do
        wanted=$(digest "ref-$out")
        os=windows
        [[ $out == l2w ]] || os=linux
        check "$out: ctr imports the archive" \
            ctr_here image import --no-unpack --all-platforms "$out.tar"
        check "$out: by its name and digest" imported "$out:1 .*$wanted"
        check "$out: all of it is there" checked "$out:1 .*complete"
        check "$out: the platform" imported "$out:1 .*$os/amd64"
        check "$out: what ctr exports is the same" exported "$out" "$wanted"
    done
    stop_all
}

containerd_config() {
    cat <<TOML
version = 2
root = "$work/containerd/root"
state = "$work/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$work/containerd/socket"
  uid = $(id -u)
  gid = $(id -g)
[ttrpc]
  address = "$work/containerd/ttrpc"
  uid = $(id -u)
  gid = $(id -g)
TOML
}

ctr_here() { ctr --address "$work/containerd/socket" "$@"; }
imported() { ctr_here image ls | tee /dev/stderr | grep -E "$1"; }
checked() { ctr_here image check | tee /dev/stderr | grep -E "$1"; }

exported() {
    local name
    name=$(ctr_here image ls -q | grep "$1:1")
    ctr_here image export --all-platforms "$1-exported.tar" "$name" &&
        tar -xOf "$1-exported.tar" index.json | tee /dev/stderr | grep -F "$2"
}
