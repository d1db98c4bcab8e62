# limiters.sh: starts the limiters that weir is measured beside, each with a limit of its own for every value of X-Client,
# which is never reached. Sourced by scripts/bench.
# shellcheck shell=bash

# start_shared_weir POLICIES: a weir that counts in the Redis of start_redis. Sets `metrics_port` besides.
start_shared_weir() {
  metrics_port=$(free_port)
  # With time for the stalls of a shared machine: a check that ran out of it would be cheap, and not what is measured.
  start_weir "$1" --redis "redis://127.0.0.1:$redis_port" --redis-timeout 5s --metrics "127.0.0.1:$metrics_port"
}

# A page and not "return": that would answer before limit_req is asked.
start_nginx_limiter() {
  start_nginx "limit-$threads" "limit_req_zone \$http_x_client zone=z:10m rate=1000000r/s; server { listen 127.0.0.1:PORT;
    location / { limit_req zone=z burst=1000000 nodelay; empty_gif; } }"
}

# start_envoy NAME [FILTER]: an Envoy that answers by itself; FILTER is YAML, before the router. Sets `port` and `pid`.
start_envoy() {
  port=$(free_port)
  cat >"$work/$1.yaml" <<YAML
static_resources:
  listeners:
    - address: {socket_address: {address: 127.0.0.1, port_value: $port}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: b
                http_filters:
                  ${2:-}
                  - name: envoy.filters.http.router
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
                route_config:
                  virtual_hosts:
                    - {name: all, domains: ["*"], routes: [{match: {prefix: "/"}, direct_response: {status: 200}}]}
YAML
  taskset -c "$server_core" "$tools/envoy" -c "$work/$1.yaml" --concurrency 1 --use-dynamic-base-id -l error &
  pid=$!
  pids+=("$pid")
  wait_for_port "$port" "$pid"
}

start_envoy_limiter() {
  start_envoy envoy-limiter '- name: envoy.filters.http.local_ratelimit
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
                      stat_prefix: l
                      token_bucket: {max_tokens: 1000000000, tokens_per_fill: 1000000000, fill_interval: 1s}
                      always_consume_default_token_bucket: false
                      max_dynamic_descriptors: 1024
                      enable_x_ratelimit_headers: DRAFT_VERSION_03
                      rate_limits: [{actions: [{request_headers: {header_name: x-client, descriptor_key: client}}]}]
                      descriptors:
                        - entries: [{key: client}]
                          token_bucket: {max_tokens: 1000000000, tokens_per_fill: 1000000000, fill_interval: 1s}
                      filter_enabled: {default_value: {numerator: 100}}
                      filter_enforced: {default_value: {numerator: 100}}'
}
