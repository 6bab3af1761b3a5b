# docker build -t scanmill . && docker run --rm -p 127.0.0.1:9464:9464 -v scanmill:/data scanmill
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    packaging/artefact.sh --plain && cp target/artefact/scanmill /scanmill && mkdir /data

# glibc, libgcc, the certificates that TLS asks for, a user that is not root; no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /scanmill /usr/local/bin/scanmill
COPY --from=build --chown=nonroot:nonroot /data /data
ENV SCANMILL_LOCAL_ROOT=/data SCANMILL_METRICS_LISTEN=0.0.0.0:9464 SCANMILL_LOG_FORMAT=json
USER nonroot
VOLUME /data
EXPOSE 9464
# Alive, not ready: a bucket that is away is no reason to replace a container.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["scanmill", "health", "--live"]
# SIGTERM drains: docker stop --time 60.
STOPSIGNAL SIGTERM
ENTRYPOINT ["scanmill"]
CMD ["run"]
