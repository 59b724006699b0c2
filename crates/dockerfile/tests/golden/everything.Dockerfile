from scratch as One
copy a b c/
copy --parents --exclude=*.md src/./lib/*.rs \

  /out/

FROM one
SHELL ["/bin/bash", "-c"]
ENV old style value
WORKDIR relative
COPY ["with space", "${old%% *}/"]
EXPOSE 80 443/TCP 8000-8002/udp
CMD first
CMD second
ENTRYPOINT []
MAINTAINER Someone <someone@example.com>
LABEL typo=$TARGETARHC
