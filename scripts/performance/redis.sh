# redis.sh: scripts/bench redis and cluster, what checks that count in Redis cost. Sourced by scripts/bench.
# shellcheck shell=bash

# load_redis PORT PID CONNECTIONS: one round of checks of 1000 keys; prints requests/s, and nanoseconds of CPU time a
# request: of Redis, and of the limiter.
load_redis() {
  local redis ticks output
  redis=$(redis_cpu)
  ticks=$(cpu_ticks "$2")
  output=$(taskset -c "$load_core" wrk -t1 -c"$3" -d"${seconds}s" -s "$work/keys.lua" \
    "http://127.0.0.1:$1/check/v1/items")
  redis=$(($(redis_cpu) - redis))
  ticks=$(($(cpu_ticks "$2") - ticks))
  ! grep -qE 'Non-2xx|Socket errors' <<<"$output" || fail "answers other than 2xx: $output"
  awk -v redis="$redis" -v ticks="$ticks" -v hertz="$(getconf CLK_TCK)" '
    / requests in / { requests = $1 }
    /^Requests\/sec/ { rate = $2 }
    END { printf "%.0f %.0f %.0f\n", rate, redis * 1000 / requests, ticks / hertz * 1e9 / requests }' <<<"$output"
}

redis_files() {
  mkdir -p "$work/shared"
  cat >"$work/shared/policy.yaml" <<'YAML'
policies:
  - {name: per-client, match: {path: /v1/**}, key: [header.x-client], algorithm: token-bucket, limit: 1000000000, period: 1s}
  - {name: local, match: {path: /local}, key: [header.x-client], store: memory, algorithm: token-bucket, limit: 1000000000, period: 1s}
YAML
  cat >"$work/keys.lua" <<'LUA'
local requests, index = {}, 0
init = function()
  for i = 1, 1000 do requests[i] = wrk.format("GET", nil, {["X-Client"] = "client-" .. i}) end
end
request = function()
  index = index % 1000 + 1
  return requests[index]
end
LUA
}

# redis_round WEIR_PORT WEIR_PID NAIVE_PORT NAIVE_PID: one round of everything that takes turns; a name and its figures a
# line.
redis_round() {
  local before after calls on_load=(taskset -c "$load_core")
  load_redis "$1" "$2" 64 | sed 's/^/weir64 /'
  load_redis "$3" "$4" 64 | sed 's/^/naive /'
  load_redis "$1" "$2" 256 | sed 's/^/weir256 /'
  before=$(redis_cpu)
  calls=$("${on_load[@]}" "$client" pipeline "127.0.0.1:$redis_port" "$work/call" 500000)
  after=$(redis_cpu)
  echo "single $(((after - before) * 1000 / calls))"
  echo "lone $("${on_load[@]}" "$client" latency "127.0.0.1:$1" /check/v1/items 20000)"
  echo "local $("${on_load[@]}" "$client" latency "127.0.0.1:$1" /check/local 20000)"
  echo "bare $("${on_load[@]}" "$client" call "127.0.0.1:$redis_port" "$work/call" 20000)"
}

bench_redis() {
  say "redis: checks that count in Redis"
  reset_candidates
  build_client
  redis_files
  start_redis
  local metrics_port weir_port weir_pid naive_port timeout=50 round
  metrics_port=$(free_port)
  # With time for the stalls of a shared machine: a check that ran out of it would be cheap, and not what is measured.
  start_weir "$work/shared" --redis "redis://127.0.0.1:$redis_port" --redis-timeout 5s \
    --metrics "127.0.0.1:$metrics_port"
  weir_port=$port
  weir_pid=$pid
  # What weir asks of Redis for one check, for the yardsticks to ask as well.
  "$client" capture "127.0.0.1:$weir_port" "127.0.0.1:$redis_port" "$work/call"
  naive_port=$(free_port)
  taskset -c "$server_core" "$client" naive "127.0.0.1:$naive_port" "127.0.0.1:$redis_port" "$work/call" &
  pid=$!
  pids+=("$pid")
  wait_for_port "$naive_port" "$pid"

  : >"$work/figures"
  for ((round = 0; round < rounds; round++)); do
    redis_round "$weir_port" "$weir_pid" "$naive_port" "$pid" >>"$work/figures"
  done
  all_shared "$metrics_port"
  start_weir "$work/shared" --redis "redis://127.0.0.1:$redis_port" --redis-timeout "${timeout}ms"
  echo "stop $(taskset -c "$load_core" "$client" stop "127.0.0.1:$port" /check/v1/items "$redis_pid" "$timeout")" \
    >>"$work/figures"
  redis_table "$timeout"
  machine redis
}

redis_table() {
  printf '\n| figure | weir | measured against | ratio | wanted |\n|---|---:|---|---:|---|\n'
  awk -v rate="$(figure weir64 2)" -v naive="$(figure naive 2)" -v cpu="$(figure weir256 3)" -v single="$(figure single 2)" \
    -v own="$(figure weir64 3)" -v weir="$(figure weir64 4)" -v service="$(figure naive 3)" -v other="$(figure naive 4)" \
    -v lone="$(figure lone 2)" -v here="$(figure local 2)" -v bare="$(figure bare 2)" \
    -v timeout="$1" -v slowest="$(figure stop 3)" -v open="$(figure stop 4)" \
    -v most="$(figure stop 5)" -v middle="$(figure stop 6)" '
    BEGIN {
      printf "| decisions/s, Redis and limiter on one core, 64 connections | %d | %d: a thread a connection, a script call and a round trip a check | %.1f | 60 000/s or 8.0 |\n",
        rate, naive, rate / naive
      printf "| CPU of both a decision | %.1f µs | %.1f µs: the same service | %.1f | |\n",
        (own + weir) / 1000, (service + other) / 1000, (service + other) / (own + weir)
      printf "| CPU of Redis a decision, 256 connections | %.2f µs | %.2f µs: the call of one check, 50 connections, 64 calls deep | %.2f | at most 0.60 |\n",
        cpu / 1000, single / 1000, cpu / single
      printf "| the same, 64 connections | %.2f µs | | %.2f | |\n", own / 1000, own / single
      printf "| a lone check, median | %.1f µs | %.1f µs: the bare call, and %.1f µs: a check in memory | %.2f | at most 1.50 |\n",
        lone / 1000, bare / 1000, here / 1000, lone / (bare + here)
      printf "| slowest answer when Redis is stopped, 64 connections | %.1f ms | %d ms: --redis-timeout | %+.1f ms | at most +10 ms |\n",
        slowest / 1e6, timeout, slowest / 1e6 - timeout
      printf "| answers once the breaker is open | 99 %%: %.2f ms | median %.2f ms, slowest %.2f ms | | below 1 ms |\n",
        most / 1e6, middle / 1e6, open / 1e6
    }'
  printf '\nMedian of %d rounds of %d s in turn; Redis, weir (1 thread) and the other service on core %d, load (wrk, 1000 keys) on core %d.\n' \
    "$rounds" "$seconds" "$server_core" "$load_core"
}

# start_masters COUNT: a cluster of so many masters, all on the server's core: what counts is the processor time of each
# decision, not how many of them a machine has cores for. Adds their pids, and sets `nodes` to their ports.
start_masters() {
  local count=$1 port number first last
  nodes=()
  for ((number = 0; number < count; number++)); do
    port=$(free_port)
    mkdir -p "$work/node-$port"
    taskset -c "$server_core" redis-server --bind 127.0.0.1 --port "$port" --cluster-enabled yes \
      --cluster-port "$(free_port)" --cluster-require-full-coverage no --dir "$work/node-$port" --save '' --appendonly no \
      >"$work/node-$port/log" &
    pids+=("$!")
    wait_for_port "$port" "$!"
    nodes+=("$port")
  done
  for ((number = 0; number < count; number++)); do
    first=$((16384 * number / count))
    last=$((16384 * (number + 1) / count - 1))
    redis-cli -p "${nodes[number]}" cluster addslotsrange "$first" "$last" >>"$work/cluster.log"
  done
  for ((number = 1; number < count; number++)); do meet "${nodes[0]}" "${nodes[number]}"; done
  wait_for_cluster
}

# meet PORT OTHER: makes two nodes know each other; the bus of the other is asked for, since it is any port.
meet() {
  local bus
  bus=$(redis-cli -p "$2" config get cluster-port | tail -1)
  redis-cli -p "$1" cluster meet 127.0.0.1 "$2" "$bus" >>"$work/cluster.log"
}

wait_for_cluster() {
  local try port ok
  for ((try = 0; try < 600; try++)); do
    ok=1
    for port in "${nodes[@]}"; do
      redis-cli -p "$port" cluster info | grep -q 'cluster_slots_ok:16384' || ok=0
    done
    [ "$ok" = 0 ] || return 0
    sleep 0.1
  done
  fail "the cluster did not come up; see $work/cluster.log"
}

# nodes_cpu PORT...: microseconds of processor time that these servers have had, together.
nodes_cpu() {
  local port sum=0
  for port in "$@"; do redis_port=$port && sum=$((sum + $(redis_cpu))); done
  echo "$sum"
}

# load_cluster NAME PATH CLIENTS PORT PID METRICS NODE...: one round of checks by so many clients; prints the name, checks
# a second, and nanoseconds of processor time a check: of all masters together, and of weir.
load_cluster() {
  local name=$1 path=$2 clients=$3 port=$4 pid=$5 redis ticks output
  shift 6
  redis=$(nodes_cpu "$@")
  ticks=$(cpu_ticks "$pid")
  output=$(CLIENTS=$clients taskset -c "$load_core" wrk -t1 -c64 -d"${seconds}s" -s "$work/keys.lua" \
    "http://127.0.0.1:$port/check$path")
  redis=$(($(nodes_cpu "$@") - redis))
  ticks=$(($(cpu_ticks "$pid") - ticks))
  ! grep -qE 'Non-2xx|Socket errors' <<<"$output" || fail "answers other than 2xx: $output"
  awk -v name="$name" -v redis="$redis" -v ticks="$ticks" -v hertz="$(getconf CLK_TCK)" '
    / requests in / { requests = $1 }
    /^Requests\/sec/ { rate = $2 }
    END { printf "%s %.0f %.0f %.0f\n", name, rate, redis * 1000 / requests, ticks / hertz * 1e9 / requests }' \
    <<<"$output"
}

cluster_files() {
  mkdir -p "$work/cluster"
  cat >"$work/cluster/policy.yaml" <<'YAML'
policies:
  - {name: per-client, match: {path: /one}, key: [header.x-client], algorithm: token-bucket, limit: 1000000000, period: 1s}
  - {name: here, match: {path: /two}, key: [header.x-client], algorithm: token-bucket, limit: 1000000000, period: 1s}
  - {name: everywhere, match: {path: /two}, algorithm: token-bucket, limit: 1000000000, period: 1s}
YAML
  cat >"$work/keys.lua" <<'LUA'
local requests, index = {}, 0
local clients = tonumber(os.getenv("CLIENTS") or "1000")
init = function()
  for i = 1, clients do requests[i] = wrk.format("GET", nil, {["X-Client"] = "client-" .. i}) end
end
request = function()
  index = index % clients + 1
  return requests[index]
end
LUA
}

bench_cluster() {
  say "cluster: checks that count in a Redis Cluster"
  reset_candidates
  build_client
  cluster_files
  local count round fleets=() weirs=() metrics_port entry ports
  for count in 0 1 2 3; do
    metrics_port=$(free_port)
    if [ "$count" = 0 ]; then
      start_redis
      nodes=("$redis_port")
      start_weir "$work/cluster" --redis "redis://127.0.0.1:$redis_port" --redis-timeout 5s --metrics "127.0.0.1:$metrics_port"
    else
      start_masters "$count"
      start_weir "$work/cluster" --redis "redis-cluster://127.0.0.1:${nodes[0]}" --redis-timeout 5s \
        --metrics "127.0.0.1:$metrics_port"
    fi
    fleets+=("${nodes[*]}")
    weirs+=("$port $pid $metrics_port")
  done
  : >"$work/figures"
  for ((round = 0; round < rounds; round++)); do
    for count in 0 1 2 3; do
      read -ra entry <<<"${weirs[count]}"
      read -ra ports <<<"${fleets[count]}"
      {
        load_cluster "one$count" /one 1000 "${entry[@]}" "${ports[@]}"
        load_cluster "two$count" /two 1000 "${entry[@]}" "${ports[@]}"
        load_cluster "hot$count" /one 1 "${entry[@]}" "${ports[@]}"
      } >>"$work/figures"
    done
  done
  for entry in "${weirs[@]}"; do all_shared "${entry##* }"; done
  cluster_table
  machine cluster
}

# A core of Redis decides 1e9 / nanoseconds checks a second; masters are as many cores.
cluster_table() {
  local kind count nanoseconds
  printf '\n| checks | Redis | CPU of Redis a check | against one master | so many a second, a core a master | CPU of weir a check |\n'
  printf '|---|---|---|---|---|---|\n'
  for kind in one two hot; do
    for count in 0 1 2 3; do
      nanoseconds=$(figure "$kind$count" 3)
      awk -v kind="$kind" -v count="$count" -v redis="$nanoseconds" -v first="$(figure "${kind}1" 3)" \
        -v weir="$(figure "$kind$count" 4)" 'BEGIN {
          names["one"] = "of one key"; names["two"] = "over two slots"; names["hot"] = "of one hot key"
          where = count == 0 ? "one Redis, no cluster" : count == 1 ? "cluster, 1 master" : "cluster, " count " masters"
          cores = count > 0 && kind == "one" ? count : 1
          ceiling = kind == "one" || count <= 1 ? sprintf("%.0f", cores * 1e9 / redis) : "the hot slot limits it"
          printf "| %s | %s | %.2f us | %.2f | %s | %.2f us |\n", names[kind], where, redis / 1000, redis / first, ceiling, weir / 1000
        }'
    done
  done
}
