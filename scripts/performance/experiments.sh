# experiments.sh: scripts/bench all, the measurements behind docs/performance.md. Sourced by scripts/bench.
#
# An experiment is a function `experiment_NAME` that records figures, and an entry of page.py that says what they are. In
# each the candidates take turns, round by round; each figure is recorded, and the page shows medians. Sizes in memory
# are measured once: they repeat.
# shellcheck shell=bash

# In the order of the page. To add one: its name here, its function, its entry in page.py.
experiments=(throughput latency redis-floors memory policies cells threads)

# record SERIES X METRIC VALUE: a figure of a round.
record() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$work/record"; }

# take_turns: rounds over the candidates, each after a second to warm up. Records nanoseconds of CPU time a decision (cpu)
# and, of the helper, (helper); decisions a second (rate); and percent of a core that the server kept busy (busy).
take_turns() {
  local round index cpu rate busy helper=0
  for ((index = 0; index < ${#names[@]}; index++)); do
    seconds=1 measure "${ports[index]}" "${workers[index]}" "${paths[index]}" "${luas[index]}" >/dev/null
  done
  for ((round = 0; round < rounds; round++)); do
    for ((index = 0; index < ${#names[@]}; index++)); do
      [ -z "${helpers[index]}" ] || helper=$(cpu_ticks "${helpers[index]}")
      read -r cpu rate busy < <(measure "${ports[index]}" "${workers[index]}" "${paths[index]}" "${luas[index]}")
      record "${names[index]}" "${xs[index]}" cpu "$cpu"
      record "${names[index]}" "${xs[index]}" rate "$rate"
      record "${names[index]}" "${xs[index]}" busy "$busy"
      [ -z "${helpers[index]}" ] || record "${names[index]}" "${xs[index]}" helper \
        $((($(cpu_ticks "${helpers[index]}") - helper) * 1000000000 / $(getconf CLK_TCK) / (rate * seconds)))
    done
  done
}

# The limiters, each with a limit of its own for each value of X-Client that is never reached.

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

# json_lua: the JSON form for 1000 clients in turn.
json_lua() {
  cat >"$work/json.lua" <<'LUA'
local requests, index = {}, 0
init = function()
  for i = 1, 1000 do
    requests[i] = wrk.format("POST", nil, {["Content-Type"] = "application/json"},
      '{"attributes": {"header.x-client": "client-' .. i .. '", "path": "/v1/items"}}')
  end
end
request = function()
  index = index % 1000 + 1
  return requests[index]
end
LUA
}

experiment_throughput() {
  local clients=$work/clients-1000.lua metrics_port
  install_tools >&2
  clients_lua 1000
  json_lua
  keyed_policy one
  start_weir "$work/one"
  candidate "weir, gateway form" /check/v1/items "$clients"
  candidate "weir, JSON form" /check "$work/json.lua"
  start_nginx plain 'server { listen 127.0.0.1:PORT; location / {
    add_header X-RateLimit-Limit 1000000000; add_header X-RateLimit-Remaining 999999999;
    add_header X-RateLimit-Reset 1700000000; return 200; } }'
  candidate "nginx return 200, no limiter" /check/v1/items "$clients"
  start_nginx_limiter
  candidate "nginx limit_req" /check/v1/items "$clients"
  start_envoy envoy-alone
  candidate "Envoy direct_response, no limiter" /check/v1/items "$clients"
  start_envoy_limiter
  candidate "Envoy local_ratelimit" /check/v1/items "$clients"
  start_redis
  start_shared_weir "$work/one"
  candidate "weir with Redis" /check/v1/items "$clients" "" "$redis_pid"
  take_turns
  all_shared "$metrics_port"
}

experiment_latency() {
  local round index share offered rate metrics_port clients=$work/clients-1000.lua figures
  [ "$(nproc)" -gt 1 ] || fail "latency needs a core for the load alone: it spins, to be on time"
  install_tools >&2
  build_client
  clients_lua 1000
  keyed_policy one
  start_weir "$work/one"
  candidate weir /check/v1/items "$clients"
  start_nginx_limiter
  candidate "nginx limit_req" /check/v1/items "$clients"
  start_envoy_limiter
  candidate "Envoy local_ratelimit" /check/v1/items "$clients"
  start_redis
  start_shared_weir "$work/one"
  candidate "weir with Redis" /check/v1/items "$clients"
  for ((round = 0; round < rounds; round++)); do
    for ((index = 0; index < ${#names[@]}; index++)); do
      read -r _ rate _ < <(measure "${ports[index]}" "${workers[index]}" "${paths[index]}" "${luas[index]}")
      record "${names[index]}" saturation rate "$rate"
      echo "$rate" >>"$work/saturation-$index"
    done
  done
  for ((round = 0; round < rounds; round++)); do
    for share in 10 25 50 75 90; do
      for ((index = 0; index < ${#names[@]}; index++)); do
        offered=$(($(median <"$work/saturation-$index") * share / 100))
        read -ra figures < <(taskset -c "$load_core" "$client" pace "127.0.0.1:${ports[index]}" "${paths[index]}" \
          "$offered" $((seconds * 1000)))
        record "${names[index]}" "$share" offered "$offered"
        record "${names[index]}" "$share" achieved "${figures[0]}"
        record "${names[index]}" "$share" p50 "${figures[1]}"
        record "${names[index]}" "$share" p99 "${figures[2]}"
        record "${names[index]}" "$share" p999 "${figures[3]}"
        record "${names[index]}" "$share" slowest "${figures[4]}"
        record "${names[index]}" "$share" late "${figures[5]}"
      done
    done
  done
  all_shared "$metrics_port"
}

# floor NAME DEPTH COUNT COMMAND...: a round of redis-benchmark, 64 connections with DEPTH commands on their way each.
floor() {
  local name=$1 depth=$2 count=$3 before rate
  shift 3
  before=$(redis_cpu)
  rate=$(taskset -c "$load_core" redis-benchmark -p "$redis_port" -c 64 -P "$depth" -n "$count" --csv "$@" |
    tail -1 | awk -F'","' '{ printf "%.0f", $2 }')
  record "$name" "$depth" helper $((($(redis_cpu) - before) * 1000 / count))
  record "$name" "$depth" rate "$rate"
}

experiment_redis-floors() {
  local round connections depth count script counter before calls rate redis cpu metrics_port weir_port weir_pid
  build_client
  redis_files
  start_redis
  start_shared_weir "$work/shared"
  weir_port=$port
  weir_pid=$pid
  "$client" capture "127.0.0.1:$weir_port" "127.0.0.1:$redis_port" "$work/call"
  script=$(redis-cli -p "$redis_port" script load 'return 1')
  counter=$(redis-cli -p "$redis_port" script load 'return redis.call("incr", KEYS[1])')
  for ((round = 0; round < rounds; round++)); do
    for depth in 1 64; do
      count=$((seconds * (depth == 1 ? 40000 : 200000)))
      floor PING "$depth" "$count" PING
      floor INCR "$depth" "$count" INCR counter
      floor "EVALSHA of return 1" "$depth" "$count" EVALSHA "$script" 0
      floor "EVALSHA of INCR" "$depth" "$count" EVALSHA "$counter" 1 counter
    done
    before=$(redis_cpu)
    calls=$(taskset -c "$load_core" "$client" pipeline "127.0.0.1:$redis_port" "$work/call" $((seconds * 60000)))
    record "weir's script, a call a check" 64 helper $((($(redis_cpu) - before) * 1000 / calls))
    for connections in 64 256; do
      read -r rate redis cpu < <(load_redis "$weir_port" "$weir_pid" "$connections")
      record "weir, $connections connections" "" rate "$rate"
      record "weir, $connections connections" "" helper "$redis"
      record "weir, $connections connections" "" cpu "$cpu"
    done
  done
  all_shared "$metrics_port"
}

# long_policy ALGORITHM: its cells keep their information while the experiment runs. Writes $work/long.
long_policy() {
  mkdir -p "$work/long"
  printf 'policies: [{name: k, key: [header.x-client], missing: share, algorithm: %s, limit: 1000, period: 366d}]\n' \
    "$1" >"$work/long/policy.yaml"
}

# fill KEYS [TIMES]: so many keys, asked for so many times each, of the server that was just started.
fill() {
  local time
  for ((time = 0; time < ${2:-1}; time++)); do
    taskset -c "$load_core" "$client" fill "127.0.0.1:$port" "$1" >&2
  done
}

# filled ALGORITHM KEYS [TIMES]: records what a key of a weir takes.
filled() {
  local before metrics_port name=$1
  reset_candidates
  long_policy "$1"
  metrics_port=$(free_port)
  start_weir "$work/long" --max-keys 2000000 --metrics "127.0.0.1:$metrics_port"
  [ "${3:-1}" = 1 ] || name+=", $3 admissions"
  sleep 0.5
  before=$(rss "$pid")
  [ "$name" != token-bucket ] || record idle "$2" kib "$before"
  fill "$2" "${3:-1}"
  [ "$(metric "$metrics_port" weir_keys)" -ge "$2" ] || fail "weir does not hold $2 keys"
  record "weir, $name" "$2" bytes $((($(rss "$pid") - before) * 1024 / $2))
}

# shared_memory PID: the part of a zone that this worker has touched, in KiB.
shared_memory() { awk '/^RssShmem/ { print $2 }' "/proc/$1/status"; }

filled_nginx() {
  local before
  reset_candidates
  mkdir -p "$work/page"
  chmod 755 "$work" "$work/page"
  : >"$work/page/empty"
  start_nginx zone "limit_req_zone \$http_x_client zone=z:512m rate=1r/m; server { listen 127.0.0.1:PORT;
    location / { limit_req zone=z burst=1000 nodelay; root $work/page; try_files /empty =404; } }"
  before=$(shared_memory "$pid")
  fill "$1"
  record "nginx limit_req" "$1" bytes $((($(shared_memory "$pid") - before) * 1024 / $1))
}

# used_memory: bytes, by Redis's own account.
used_memory() { redis-cli -p "$redis_port" info memory | tr -d '\r' | awk -F: '$1 == "used_memory" { print $2 }'; }

# redis_keys SERIES KEYS BEFORE PATTERN: records what each of so many keys takes, and what Redis says of one like PATTERN.
redis_keys() {
  local after key
  after=$(used_memory)
  [ "$(redis-cli -p "$redis_port" dbsize)" -ge "$2" ] || fail "Redis does not hold $2 keys"
  key=$(redis-cli -p "$redis_port" --scan --pattern "$4" | sed -n 1p)
  record "$1" "$2" bytes $(((after - $3) / $2))
  record "$1" "$2" usage "$(redis-cli -p "$redis_port" memory usage "$key")"
}

filled_redis() {
  local algorithm before metrics_port
  for algorithm in token-bucket fixed-window sliding-window sliding-log; do
    reset_candidates
    long_policy "$algorithm"
    start_redis
    start_shared_weir "$work/long"
    before=$(used_memory)
    fill "$1"
    all_shared "$metrics_port"
    redis_keys "Redis, $algorithm" "$1" "$before" 'weir:*:default:k:*'
  done
  reset_candidates
  start_redis
  before=$(used_memory)
  redis-cli -p "$redis_port" eval 'for i = 0, ARGV[1] - 1 do
    redis.call("incr", "client-" .. i) redis.call("expire", "client-" .. i, 100000) end' 0 "$1" >&2
  redis_keys "Redis, INCR and EXPIRE" "$1" "$before" 'client-*'
}

experiment_memory() {
  local algorithm count few=100000
  ((quick == 0)) || few=20000
  build_client
  for count in "$few" ${many:-}; do
    for algorithm in token-bucket fixed-window sliding-window sliding-log; do filled "$algorithm" "$count"; done
    [ "$count" != "$few" ] || filled sliding-log "$few" 10
    filled_nginx "$count"
  done
  filled_redis "$few"
  keyed_policy one
  record start "" ms "$("$client" start "$weir" "$work/one" 20)"
  record binary "" bytes "$(stat -c %s "$weir")"
}

# policies_file FOLDER COUNT PATH: so many policies; a NUMBER in PATH is the policy's.
policies_file() {
  local number
  mkdir -p "$work/$1"
  {
    echo 'policies:'
    for ((number = 0; number < $2; number++)); do
      printf '  - {name: p%d, match: {path: %s}, key: [header.x-client], missing: share, limit: 1000000000, period: 1s}\n' \
        "$number" "${3/NUMBER/$number}"
    done
  } >"$work/$1/policy.yaml"
}

experiment_policies() {
  local count
  for count in 1 10 100 1000 10000; do
    policies_file "distinct-$count" "$count" '/v1/itemNUMBER/**'
    start_weir "$work/distinct-$count"
    candidate "one of them matches" "/check/v1/item$((count / 2))/x" "" "$count"
  done
  for count in 1 2 4 8 16; do
    policies_file "matching-$count" "$count" '/v1/**'
    start_weir "$work/matching-$count"
    candidate "all of them match" /check/v1/items "" "$count"
  done
  take_turns
}

# random_lua COUNT: requests of clients at random, under the names that `fill` gives them.
random_lua() {
  cat >"$work/random-$1.lua" <<LUA
local head = "GET /check/v1/items HTTP/1.1\r\nHost: b\r\nX-Client: client-"
local tail = "\r\nUser-Agent: Mozilla/5.0\r\n\r\n"
init = function() math.randomseed(7) end
request = function() return head .. math.random(0, $1 - 1) .. tail end
LUA
}

experiment_cells() {
  local count counts=(1 1000 100000) metrics_port keys nanoseconds
  ((quick)) || counts+=(1000000 5000000)
  build_client
  mkdir -p "$work/held"
  # One token comes back in nine hours: no cell is without information, and none is exhausted.
  printf 'policies: [{name: k, key: [header.x-client], missing: share, limit: 1000, burst: 1000000000, period: 366d}]\n' \
    >"$work/held/policy.yaml"
  for count in "${counts[@]}"; do
    random_lua "$count"
    metrics_port=$(free_port)
    start_weir "$work/held" --max-keys 6000000 --metrics "127.0.0.1:$metrics_port"
    fill "$count"
    [ "$(metric "$metrics_port" weir_keys)" -ge "$count" ] || fail "weir does not hold $count keys"
    candidate "a check over HTTP" /check/v1/items "$work/random-$count.lua" "$count"
  done
  take_turns
  while read -r keys nanoseconds; do record "the decision alone" "$keys" cpu "$nanoseconds"; done \
    < <(taskset -c "$load_core" "$client" cells "$rounds" "${counts[@]}")
}

experiment_threads() {
  local count clients=$work/clients-1000.lua cores
  cores=0-$(($(nproc) - 1))
  clients_lua 1000
  keyed_policy one
  server_core=$cores load_core=$cores load_threads=$(nproc)
  for ((count = 1; count <= $(nproc); count *= 2)); do
    threads=$count
    start_weir "$work/one"
    candidate "weir, 1000 clients" /check/v1/items "$clients" "$count"
    candidate "weir, one client" /check/v1/items "" "$count"
    start_nginx_limiter
    candidate "nginx limit_req, 1000 clients" /check/v1/items "$clients" "$count"
  done
  take_turns
}

# run_experiment NAME: runs it and keeps its results below $output.
run_experiment() {
  say "$1: an experiment of docs/performance.md" >&2
  : >"$work/record"
  # A shell of its own: what an experiment sets, of threads and cores, ends with it.
  (
    trap clean_up EXIT
    pids=()
    reset_candidates
    "experiment_$1"
  )
  python3 "$root/scripts/performance/page.py" keep "$1" "$work/record" "$output" rounds="$rounds" seconds="$seconds" \
    quick="$quick" weir="$weir" envoy="$root/.build/tools/bin/envoy" >&2
}
