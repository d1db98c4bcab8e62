# memory.sh: the experiment `memory` of scripts/bench all, what a key takes. Sourced by scripts/bench.
# shellcheck shell=bash

# long_policy ALGORITHM: its cells keep their information while the experiment runs. Writes $work/long.
long_policy() {
  mkdir -p "$work/long"
  printf 'policies: [{name: k, key: [header.x-client], missing: share, algorithm: %s, limit: 1000, period: 366d}]\n' \
    "$1" >"$work/long/policy.yaml"
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

# filled_nginx KEYS: records what a key of limit_req takes. A state that was idle for a minute makes room for a new one:
# where filling takes that long, the machine is too slow to tell, and there is no figure.
filled_nginx() {
  local before began
  reset_candidates
  mkdir -p "$work/page"
  chmod 755 "$work" "$work/page"
  : >"$work/page/empty"
  start_nginx zone "limit_req_zone \$http_x_client zone=z:512m rate=1r/m; server { listen 127.0.0.1:PORT;
    location / { limit_req zone=z burst=1000 nodelay; root $work/page; open_file_cache max=10; try_files /empty =404; } }"
  before=$(shared_memory "$pid")
  began=$SECONDS
  fill "$1"
  if ((SECONDS - began > 55)); then
    say "no figure of nginx with $1 keys: it took $((SECONDS - began)) s to fill" >&2
    return
  fi
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
