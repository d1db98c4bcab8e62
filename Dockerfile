# Dockerfile: weir in a small image. docs/container.md says how to run it, and what of it is proven and how.
#
#   docker build -t weir .
#   docker run --rm --read-only -p 127.0.0.1:7429:7429 -v ./policies:/policies:ro weir
#
# scripts/prove-image reads the last stage and runs it without an engine.

# ---- build: nothing here depends on the machine's processor; Swift compiles for the architecture's baseline.
FROM swift:6.3-bookworm AS build
# Versions are not pinned: a stable Debian changes a package only to mend it, and drops the version before from its
# mirrors, so that a pin would break the build with the first security fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
      libuv1-dev libhiredis-dev libyaml-dev libjansson-dev libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# What the manifest names, and no more: a changed script or page builds nothing anew.
COPY Package.swift ./
COPY Sources ./Sources
COPY Tests ./Tests
COPY Fuzz ./Fuzz
RUN swift build -c release --static-swift-stdlib --disable-local-rpath --product weir \
    && strip --strip-all -o /weir "$(swift build -c release --static-swift-stdlib --product weir --show-bin-path)/weir"

# ---- run
FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="weir" \
      org.opencontainers.image.description="A lightweight rate limiter with a plain HTTP API, for gateways and programs" \
      org.opencontainers.image.licenses="Apache-2.0"
# The libraries that the binary needs, each with its package, and the certificate authorities for rediss://. The user
# has a number, so that Kubernetes can see that it is not root; /run/weir is for a Unix socket.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
      libuv1 libhiredis0.14 libyaml-0-2 libjansson4 libssl3 libstdc++6 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 weir \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin weir \
    && install -d -o 10001 -g 10001 -m 0755 /run/weir
COPY --from=build /weir /usr/local/bin/weir
COPY LICENSE /usr/share/doc/weir/LICENSE
USER 10001:10001
# Inside a container loopback is the container's own: checks come in on all interfaces, the admin listener stays there.
# No policies are in the image: without a mount at /policies weir says so and exits 1.
ENV WEIR_POLICIES=/policies WEIR_LISTEN=:7429
EXPOSE 7429
STOPSIGNAL SIGTERM
# The command gives up after 3 s itself, with the reason, which the engine keeps.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["weir", "health"]
ENTRYPOINT ["weir"]
CMD ["serve"]
