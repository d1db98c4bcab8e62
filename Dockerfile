# Dockerfile: weir in a small image. Not built where it was written, which had no container engine.
#
#   docker build -t weir .
#   docker run --rm -p 127.0.0.1:7429:7429 -v ./policies:/policies:ro weir

FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      libuv1-dev libhiredis-dev libyaml-dev libjansson-dev libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources ./Sources
COPY Tests ./Tests
RUN swift build -c release --static-swift-stdlib --product weir && cp "$(swift build -c release --show-bin-path)/weir" /weir

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
      libuv1 libhiredis0.14 libyaml-0-2 libjansson4 libssl3 libstdc++6 ca-certificates \
    && rm -rf /var/lib/apt/lists/* && useradd --system --no-create-home weir
COPY --from=build /weir /usr/local/bin/weir
USER weir
EXPOSE 7429
# Inside a container loopback is the container's own: checks come in on all interfaces, the admin listener stays there.
ENV WEIR_POLICIES=/policies WEIR_LISTEN=:7429
HEALTHCHECK --interval=10s --timeout=3s CMD ["weir", "health"]
ENTRYPOINT ["weir"]
CMD ["serve"]
