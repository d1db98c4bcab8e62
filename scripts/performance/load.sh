# load.sh: asks servers that take turns, and what each request costs them. Sourced by scripts/bench.
# shellcheck shell=bash

# cpu_ticks PID...: user and system time of these processes so far, in clock ticks.
cpu_ticks() {
  local pid
  for pid in "$@"; do sed 's/.*) //' "/proc/$pid/stat"; done | awk '{ sum += $12 + $13 } END { print sum + 0 }'
}

# measure PORT PIDS PATH [LUA]: one round; prints nanoseconds of CPU per request of those processes, requests per second,
# and how busy a core they kept, in percent.
measure() {
  local before after output
  # shellcheck disable=SC2086  # pids are words
  before=$(cpu_ticks $2)
  output=$(taskset -c "$load_core" wrk -t"$load_threads" -c64 -d"${seconds}s" ${4:+-s "$4"} -H 'X-Client: ann' \
    -H 'User-Agent: Mozilla/5.0' "http://127.0.0.1:$1$3")
  # shellcheck disable=SC2086
  after=$(cpu_ticks $2)
  if grep -qE 'Non-2xx|Socket errors' <<<"$output"; then
    printf '%s\n' "$output" >&2
    fail "answers other than 2xx, or none: not the work that was to be measured"
  fi
  awk -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" -v seconds="$seconds" '
    / requests in / { requests = $1 }
    /^Requests\/sec/ { rate = $2 }
    END { printf "%.0f %.0f %.0f\n", ticks / hertz * 1e9 / requests, rate, ticks / hertz / seconds * 100 }' <<<"$output"
}

median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

# compare: takes turns over the candidates in the arrays names, ports, workers, paths and luas, and prints the table.
# The first candidate is 1.00.
compare() {
  local round index cpu rate base=
  for ((index = 0; index < ${#names[@]}; index++)); do
    : >"$work/cpu-$index"
    : >"$work/rate-$index"
    seconds=1 measure "${ports[index]}" "${workers[index]}" "${paths[index]}" "${luas[index]}" >/dev/null
  done
  for ((round = 0; round < rounds; round++)); do
    for ((index = 0; index < ${#names[@]}; index++)); do
      read -r cpu rate _ < <(measure "${ports[index]}" "${workers[index]}" "${paths[index]}" "${luas[index]}")
      echo "$cpu" >>"$work/cpu-$index"
      echo "$rate" >>"$work/rate-$index"
    done
  done
  printf '\n| candidate | CPU per request | ratio | requests/s |\n|---|---:|---:|---:|\n'
  for ((index = 0; index < ${#names[@]}; index++)); do
    cpu=$(median <"$work/cpu-$index")
    rate=$(median <"$work/rate-$index")
    base=${base:-$cpu}
    awk -v name="${names[index]}" -v cpu="$cpu" -v base="$base" -v rate="$rate" \
      'BEGIN { printf "| %s | %.2f µs | %.2f | %d |\n", name, cpu / 1000, cpu / base, rate }'
  done
  printf '\nMedian of %d rounds of %d s in turn, 64 connections, 1 server thread on core %d, wrk on core %d.\n' \
    "$rounds" "$seconds" "$server_core" "$load_core"
}

reset_candidates() {
  clean_up
  names=() ports=() workers=() paths=() luas=() xs=() helpers=()
}

# candidate NAME PATH [LUA [X [HELPER]]]: the server that was just started. X: where on a chart's axis it stands. HELPER:
# the pid of what it asks, whose CPU time is to be measured too.
candidate() {
  names+=("$1")
  ports+=("$port")
  workers+=("$pid")
  paths+=("$2")
  luas+=("${3:-}")
  xs+=("${4:-}")
  helpers+=("${5:-}")
}

# A limit that is never reached: an allowed check is the common case, and the one that every request pays for.
keyed_policy() {
  mkdir -p "$work/$1"
  printf 'policies: [{name: per-client, key: [header.x-client], missing: share, algorithm: token-bucket, limit: 1000000000, period: 1s}]\n' \
    >"$work/$1/policy.yaml"
}

# clients_lua COUNT: requests of so many clients in turn.
clients_lua() {
  cat >"$work/clients-$1.lua" <<LUA
local requests, index = {}, 0
init = function()
  for i = 1, $1 do requests[i] = wrk.format("GET", nil, {["X-Client"] = "client-" .. i, ["User-Agent"] = "Mozilla/5.0"}) end
end
request = function()
  index = index % $1 + 1
  return requests[index]
end
LUA
}

# build_client: builds the measuring programs; sets `client` to their path.
build_client() {
  local flags=(-c release --package-path "$root/Benchmarks")
  swift build "${flags[@]}" </dev/null >&2 || fail "the benchmarks do not build"
  client=$(swift build "${flags[@]}" --show-bin-path </dev/null)/bench
}

# fill KEYS [TIMES]: so many keys, asked for so many times each, of the server that was just started.
fill() {
  local time
  for ((time = 0; time < ${2:-1}; time++)); do
    taskset -c "$load_core" "$client" fill "127.0.0.1:$port" "$1" >&2
  done
}

# rss PID: resident memory in KiB.
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# figure NAME COLUMN: the median over the rounds.
figure() { awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$work/figures" | median; }
