ARG DEBIAN=bookworm-slim

FROM debian:${DEBIAN} AS base
ENV LANG=C.UTF-8 \
    # why this is here
    APP_HOME=/srv/app
WORKDIR ${APP_HOME}
ONBUILD COPY --chown=app . .

FROM base AS assets
COPY <<-"NOTES" <<config.ini /etc/app/
	kept: $APP_HOME
	NOTES
home = $APP_HOME
config.ini

FROM base
ARG VERSION
ARG TARGETARCH
LABEL version="${VERSION:?a version is needed}" arch=$TARGETARCH
COPY --from=assets --chmod=0640 /etc/app/ /etc/app/
ADD --link rootfs.tar.gz /
VOLUME ["/var/lib/app"]
HEALTHCHECK --interval=30s --start-period=1m CMD curl -f http://localhost/ || exit 1
STOPSIGNAL SIGINT
CMD exec ${APP_HOME}/run
