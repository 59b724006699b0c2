# syntax=docker/dockerfile:1
# check=experimental=all

# GO_VERSION is the compiler's version
ARG GO_VERSION=1.25
ARG MIRROR=docker.io/library

# build compiles everything
FROM ${MIRROR}/golang:${GO_VERSION} as Build
WORKDIR src
# FLAGS for the compiler
ARG FLAGS="-trimpath"
ARG API_TOKEN
RUN --mount=type=secret,id=netrc,target=/root/.netrc,required \
    --mount=type=ssh <<EOF
go mod download
EOF
RUN go build $FLAGS ./...

# what is shipped
FROM alpine
COPY --from=build /src/app /app
COPY ignored.txt /
ENV KEY value
CMD exec /app $VERSION

FROM --platform=linux/amd64 scratch AS debug
COPY --from=build /src /src
LABEL a=$TPYO
