ARG GO_VERSION=1.25
ARG VERSION

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine AS compiler
WORKDIR /src
COPY go.* ./
RUN go mod download
COPY . .
RUN --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /out/server ./cmd/server

FROM alpine:3.22 AS certificates

# prebuilt takes what CI has compiled, so nothing runs here
FROM scratch AS prebuilt
ARG TARGETOS
ARG TARGETARCH TARGETVARIANT
ARG VERSION
COPY --from=certificates /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --link --chmod=0755 dist/server-${VERSION:?missing}-${TARGETOS}-${TARGETARCH}${TARGETVARIANT:+-$TARGETVARIANT} /server
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/server"]
