# syntax=docker/dockerfile:1
ARG NODE_VERSION=22
FROM node:${NODE_VERSION}-slim AS base
ENV NODE_ENV=production \
    PATH=/app/node_modules/.bin:$PATH
WORKDIR /app

FROM base AS dependencies
# What npm installed lies beside the sources.
COPY package.json package-lock.json ./
COPY node_modules ./node_modules

FROM base
ARG VERSION=dev
LABEL org.opencontainers.image.title="shop" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=dependencies --chown=node:node /app/node_modules ./node_modules
COPY --chown=node:node --exclude=**/*.test.js --exclude=coverage . .
USER node
EXPOSE 3000 9229/tcp
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s --start-interval=1s --retries=5 \
    CMD ["node", "healthcheck.js"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node", "server.js"]
