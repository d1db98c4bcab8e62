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
  python3 -B "$root/scripts/performance/page.py" keep "$1" "$work/record" "$output" rounds="$rounds" seconds="$seconds" \
    quick="$quick" weir="$weir" envoy="$root/.build/tools/bin/envoy" >&2
}
