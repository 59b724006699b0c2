FROM python:3.13-slim AS framework
ENV APP_HOME=/srv
ONBUILD ARG APP=app
ONBUILD WORKDIR $APP_HOME/$APP
ONBUILD COPY --chown=1000 ${APP}/ ./
ONBUILD COPY <<-run /usr/local/bin/
	#!/bin/sh
	exec python -m $APP "\$@"
	run
ONBUILD LABEL app=$APP
ONBUILD USER 1000

FROM framework AS plain
LABEL kind=plain

FROM plain
COPY --from=plain /srv/app/main.py main.py
