# slow.sh: scripts/bench slow, what slow clients do to the latency of honest ones. Sourced by scripts/bench.
# shellcheck shell=bash

# Requests a second of the honest clients: far below what one thread can answer, so that only a disturbance shows.
slow_rate=2000

# slow_round NAME [SLOWHTTPTEST_ARGUMENT...]: honest requests while the attack, if any, holds its connections. Adds to the
# figures: name, nanoseconds of the median, the 99th percentile, and how late the load was.
slow_round() {
  local name=$1 attack=0 values
  shift
  if (($# > 0)); then
    # Idle priority: it waits for the honest load, which it would otherwise make late on the core that they share.
    chrt --idle 0 taskset -c "$load_core" slowhttptest -c 1000 -r 1000 -i 1 -l 60 "$@" >"$work/slow.log" 2>&1 &
    attack=$!
    pids+=("$attack")
    # Its connections are made within a second, and end after ten.
    sleep 3
    kill -0 "$attack" 2>/dev/null || fail "the attack has ended: $(tail -3 "$work/slow.log")"
  fi
  read -ra values < <(taskset -c "$load_core" "$client" pace "127.0.0.1:$port" /check/v1/items "$slow_rate" \
    $((seconds * 1000)))
  printf '%s %s %s %s\n' "$name" "${values[1]}" "${values[2]}" "${values[5]}" >>"$work/figures"
  ((attack != 0)) || return 0
  kill "$attack" 2>/dev/null || true
  wait "$attack" 2>/dev/null || true
  unset 'pids[-1]'
}

bench_slow() {
  say "slow: what slow clients do to honest ones"
  install slowhttptest
  ((seconds <= 6)) || fail "SECONDS_EACH is 6 at most: slow requests are ended after 10 s"
  reset_candidates
  build_client
  keyed_policy one
  start_weir "$work/one"
  : >"$work/figures"
  local round name
  for ((round = 0; round < rounds; round++)); do
    slow_round none
    slow_round heads -H -u "http://127.0.0.1:$port/check/slow"
    slow_round bodies -B -s 8192 -t POST -f application/json -u "http://127.0.0.1:$port/json/check"
    slow_round reads -X -k 10 -w 10 -y 20 -n 1 -z 1 -u "http://127.0.0.1:$port/check/slow"
  done
  printf '\n| 1000 slow clients | honest ones: median | 99 %% | 99 %% against none | load late, 99 %% |\n'
  printf '|---|---:|---:|---:|---:|\n'
  for name in none heads bodies reads; do
    awk -v name="$name" -v median="$(figure "$name" 2)" -v most="$(figure "$name" 3)" -v base="$(figure none 3)" \
      -v late="$(figure "$name" 4)" 'BEGIN {
        printf "| %s | %.0f µs | %.0f µs | %.2f | %.0f µs |\n", name, median / 1000, most / 1000, most / base, late / 1000 }'
  done
  printf '\nMedian of %d rounds of %d s in turn; %d requests a second of 64 connections. weir (1 thread) on core %d; slow and honest clients share core %d.\n' \
    "$rounds" "$seconds" "$slow_rate" "$server_core" "$load_core"
  machine slow
}
