# gateways.sh: scripts/bench gateways, what a check adds to a request through nginx and Envoy. Sourced by scripts/bench.
#
# The gateways are those of deploy/gateways, with their own ports in the place of those of the examples.
# shellcheck shell=bash

# start_service: what lies behind the gateways, on the load's core. Sets `service_port`.
start_service() {
  server_core=$load_core start_nginx service 'server { listen 127.0.0.1:PORT; location / { return 200 "ok"; } }'
  service_port=$port
}

# gateway_files NAME EXAMPLE: copies the files of an example, with ports substituted; sets `folder` and `port`.
gateway_files() {
  folder=$work/$1
  port=$(free_port)
  cp -r "$root/deploy/gateways/$2" "$folder"
  find "$folder" -type f -exec sed -i "s/\b8000\b/$port/g; s/\b8080\b/$service_port/g; s/\b7429\b/$weir_port/g" {} +
}

# edited FILE SED_PROGRAM: edits, and fails where that changed nothing.
edited() {
  cp "$1" "$1.before"
  sed -i -E "$2" "$1"
  ! cmp -s "$1" "$1.before" || fail "$1 is not as the benchmark knows it"
}

# start_nginx_gateway NAME [SED_PROGRAM]: sets `pid` to the one worker.
start_nginx_gateway() {
  local master
  gateway_files "$1" nginx
  edited "$folder/nginx.conf" "s/^http \{/&\n    keepalive_requests 1000000000;/; ${2:-}"
  taskset -c "$server_core" nginx -e "$folder/error.log" -p "$folder" -c nginx.conf -g 'daemon off;' &
  master=$!
  pids+=("$master")
  wait_for_port "$port" "$master"
  pid=$(cat "/proc/$master/task/$master/children")
  pid=${pid%% *}
}

# start_envoy_gateway NAME [FILTER]: FILTER is JSON for the place of ext_authz; an empty object for none.
start_envoy_gateway() {
  gateway_files "$1" envoy
  if [ -n "${2:-}" ]; then
    "$tools/python" - "$folder/envoy.yaml" "$2" <<'PYTHON'
import json, sys, yaml
path, other = sys.argv[1], json.loads(sys.argv[2])
config = yaml.safe_load(open(path))
manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
kept = [filter for filter in manager["http_filters"] if filter["name"] != "envoy.filters.http.ext_authz"]
assert len(kept) == len(manager["http_filters"]) - 1, "no ext_authz filter in " + path
manager["http_filters"] = ([other] if other else []) + kept
yaml.safe_dump(config, open(path, "w"))
PYTHON
  fi
  taskset -c "$server_core" "$tools/envoy" -c "$folder/envoy.yaml" --concurrency 1 --use-dynamic-base-id -l error &
  pid=$!
  pids+=("$pid")
  wait_for_port "$port" "$pid"
}

# gateway_round INDEX: one round of a candidate: lone requests, then 64 connections. Prints nanoseconds: median and 99th
# percentile of lone requests; CPU time a request of the gateway and of weir.
gateway_round() {
  local before after cpu rate lone
  lone=$(taskset -c "$load_core" "$client" latency "127.0.0.1:${ports[$1]}" / 5000)
  before=$(cpu_ticks "$weir_pid")
  read -r cpu rate _ < <(measure "${ports[$1]}" "${workers[$1]}" /)
  after=$(cpu_ticks "$weir_pid")
  awk -v lone="$lone" -v cpu="$cpu" -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" -v rate="$rate" \
    -v seconds="$seconds" 'BEGIN { printf "%s %d %d\n", lone, cpu, ticks / hertz * 1e9 / (rate * seconds) }'
}

bench_gateways() {
  say "gateways: what a check adds to a request"
  reset_candidates
  install_tools
  build_client
  mkdir -p "$work/address"
  printf 'policies: [{name: per-address, key: ip, algorithm: token-bucket, limit: 1000000000, period: 1s}]\n' \
    >"$work/address/policy.yaml"
  local weir_port weir_pid service_port folder round index name base
  start_weir "$work/address" --listen "unix:$work/weir.sock?mode=0666"
  weir_port=$port
  weir_pid=$pid
  chmod 755 "$work"
  start_service
  start_nginx_gateway nginx-alone '/include weir/d'
  candidate "nginx alone" nginx
  # shellcheck disable=SC2016  # nginx's own variables
  start_nginx_gateway nginx-limit-req 's/include weir-http.conf;/limit_req_zone $binary_remote_addr zone=z:10m rate=1000000r\/s;/; s/include weir.conf;/limit_req zone=z burst=1000000 nodelay;/'
  candidate "nginx, its own limit_req" nginx
  start_nginx_gateway nginx-weir
  candidate "nginx, weir" nginx
  start_envoy_gateway envoy-alone '{}'
  candidate "Envoy alone" envoy
  start_envoy_gateway envoy-local '{"name": "envoy.filters.http.local_ratelimit", "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "l",
    "token_bucket": {"max_tokens": 1000000000, "tokens_per_fill": 1000000000, "fill_interval": "1s"},
    "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}}}}'
  candidate "Envoy, its own local_ratelimit" envoy
  start_envoy_gateway envoy-weir
  candidate "Envoy, weir" envoy

  for ((round = 0; round < rounds; round++)); do
    for ((index = 0; index < ${#names[@]}; index++)); do
      gateway_round "$index" | sed "s/^/$index /" >>"$work/figures"
    done
  done
  printf '\n| | lone request, median | 99 %% | added to the median | added to 99 %% | CPU per request: gateway | weir |\n'
  printf '|---|---:|---:|---:|---:|---:|---:|\n'
  for ((index = 0; index < ${#names[@]}; index++)); do
    # The gateway alone is the first of its kind.
    case ${names[index]} in *alone) base=$index ;; esac
    awk -v name="${names[index]}" -v median="$(figure "$index" 2)" -v most="$(figure "$index" 3)" \
      -v median0="$(figure "$base" 2)" -v most0="$(figure "$base" 3)" \
      -v cpu="$(figure "$index" 4)" -v weir="$(figure "$index" 5)" 'BEGIN {
        printf "| %s | %.0f µs | %.0f µs | %+.0f µs | %+.0f µs | %.1f µs | %.1f µs |\n",
          name, median / 1000, most / 1000, (median - median0) / 1000, (most - most0) / 1000, cpu / 1000, weir / 1000 }'
  done
  printf '\nMedian of %d rounds in turn: 5000 lone requests, then 64 connections for %d s. Gateway (1 thread) and weir (1 thread) on core %d; load and service on core %d.\n' \
    "$rounds" "$seconds" "$server_core" "$load_core"
  machine gateways
}
