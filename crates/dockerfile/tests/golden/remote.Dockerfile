FROM debian:12
ARG VERSION=1.0
ARG RELEASES=https://releases.example.org/tool
ADD --checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef \
    ${RELEASES}/v${VERSION}/tool-linux.tar.gz /opt/
ADD --unpack=true --chown=0:0 ${RELEASES}/v${VERSION}/data.tar.zst /opt/data
ADD --link https://user:secret@keys.example.org/ci%20key.pub?token=abc local.tar.xz LICENSE /etc/keys/
ADD --keep-git-dir=true https://github.com/example/site.git#v${VERSION}:content /srv/site
ADD --checksum=abcdef0 --exclude=*.md git@github.com:example/theme.git?ref=main /srv/theme
ADD https://example.org /srv/index.html
