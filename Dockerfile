# Waypost with the embedded engine and the drachtio engine. docs/containers.md

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src src
COPY test test
COPY bench bench
RUN npm run build \
    && rm -rf dist/test dist/bench \
    && npm ci --ignore-scripts --omit=dev \
    && npm cache clean --force

FROM node:24.21.0-bookworm-slim
LABEL org.opencontainers.image.title="waypost" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production \
    WAYPOST_CONFIG=/etc/waypost/waypost.yaml
WORKDIR /opt/waypost
# Owned by root: the process can change nothing of its own program.
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/dist/src dist/src
COPY package.json CHANGELOG.md LICENSE ./
COPY config config
COPY docs docs
RUN install -d -o 1000 -g 1000 /var/lib/waypost \
    && install -d /etc/waypost \
    && ln -s /opt/waypost/config/container/embedded.yaml /etc/waypost/waypost.yaml \
    && ln -s /opt/waypost/dist/src/cli/main.js /usr/local/bin/waypost
USER 1000:1000
VOLUME ["/var/lib/waypost"]
EXPOSE 5060/udp 5060/tcp 5061/tcp 8060/tcp
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:8060/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["waypost"]
CMD ["serve"]
