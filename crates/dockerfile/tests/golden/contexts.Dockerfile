FROM golang:1.25 AS build
RUN go build ./...

FROM alpine AS assets
COPY --from=sources /assets /assets

FROM site
COPY --from=build /out/app /app
COPY --from=assets /assets /assets
COPY --from=busybox:stable /bin/busybox /bin/
COPY --from=other /x /x
