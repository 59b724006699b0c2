#!/bin/sh
# Builds crossdock, makes a small Linux and a small Windows base image, and builds an image of each
# system with files of the other: as an ordinary user, without daemon and without network (but for
# the crates that cargo downloads). Everything lands in target/demo.
set -eu
cd "$(dirname "$0")/.."
demo=target/demo
cargo build --release -p crossdock -p crossdock-fixtures -p crossdock-validator
bin=${CARGO_TARGET_DIR:-target}/release
bin=$(cd "$bin" && pwd)
rm -rf "$demo" && mkdir -p "$demo/bases"
cd "$demo"

echo
echo "== Two base images, as OCI layouts"
"$bin/crossdock-fixtures" linux-base bases/linux
"$bin/crossdock-fixtures" windows-base bases/windows --files 2000

echo
echo "== A Windows image with files of the Linux one"
"$bin/crossdock" --root store build --platform windows/amd64 -t demo \
    -o type=oci-layout,dest=windows-image ../../examples/to-windows

echo
echo "== A Linux image with files of the Windows one"
"$bin/crossdock" --root store build --platform linux/amd64 -t demo \
    -o type=oci-layout,dest=linux-image ../../examples/to-linux

echo
echo "== What an independent reader says of the new layers of the Windows image"
"$bin/crossdock-validator" layout windows-image --skip 4

echo
echo "Done: $demo/windows-image and $demo/linux-image are OCI image layouts. To look into one:"
echo "    skopeo inspect --config oci:$demo/windows-image:latest"
