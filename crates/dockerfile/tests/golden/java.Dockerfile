ARG REGISTRY=docker.io/library
ARG JAVA=21
ARG BASE=${REGISTRY}/eclipse-temurin:${JAVA}-jre
FROM ${BASE} AS jre
FROM jre
ARG VERSION
ARG JAR=shop-${VERSION}.jar
ARG NAME=${JAR%.jar} EXT=${JAR##*.} SLASHED=${JAR//-/\/}
ENV JAVA_OPTS="-Xmx512m -Dname=${NAME}" \
    JAVA_HOME=${JAVA_HOME:-/opt/java}
ENV PATH="$JAVA_HOME/bin:${PATH}"
ARG PATH=/hidden
LABEL path=$PATH ext=$EXT slashed=$SLASHED major=${VERSION%%.*} quoted='it''s' escaped=\"$EXT\"
WORKDIR srv
WORKDIR ../opt/app
COPY ["target/$JAR", "lib dir/", "./"]
ENTRYPOINT exec java $JAVA_OPTS -jar ${JAR}
