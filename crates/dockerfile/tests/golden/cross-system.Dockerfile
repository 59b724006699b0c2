# syntax=docker/dockerfile:1
# escape=`
ARG VERSION=1.0
FROM --platform=linux/amd64 golang:1.25 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY . .

FROM mcr.microsoft.com/windows/nanoserver:ltsc2022 AS windows
ARG VERSION
LABEL org.opencontainers.image.version=$VERSION
WORKDIR C:\app
# Linux rules for the source, Windows rules for the destination.
COPY --from=build --chown=ContainerUser /src/server.exe C:\app\bin\
COPY .\config\*.json config\
ENV Path="C:\app\bin;${path}"
EXPOSE 8080
USER ContainerUser
ENTRYPOINT ["C:\\app\\bin\\server.exe"]
CMD ["--config", "C:\\app\\config"]
