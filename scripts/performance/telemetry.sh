# telemetry.sh: scripts/bench telemetry, what counting and recording a check costs. Sourced by scripts/bench.
# shellcheck shell=bash

# build_without_telemetry: a second release build, that counts and records nothing; sets `bare` to its path.
build_without_telemetry() {
  local flags=(-c release --static-swift-stdlib --disable-local-rpath --package-path "$root" --product weir
    --scratch-path "$root/.build/without-telemetry" -Xswiftc -DWEIR_WITHOUT_TELEMETRY)
  swift build "${flags[@]}" </dev/null >&2 || fail "the build without telemetry failed"
  bare=$(swift build "${flags[@]}" --show-bin-path </dev/null)/weir
}

# start_both NAME PATH [LUA]: a weir of each build with that policy, as candidates.
start_both() {
  local built=$weir
  reset_candidates
  weir=$bare start_weir "$work/$1"
  candidate "without telemetry" "$2" "${3:-}"
  weir=$built start_weir "$work/$1"
  candidate "weir" "$2" "${3:-}"
}

# telemetry_cost: after `compare`, what the second candidate costs more, by the rounds' own ratios.
telemetry_cost() {
  paste "$work/cpu-0" "$work/cpu-1" | awk '{ printf "%.6f\n", $2 / $1 }' | sort -n |
    awk '{ ratio[NR] = $1 } END { printf "Telemetry costs %+.1f %% of a check: the median of the ratios of the rounds, which lie between %+.1f and %+.1f %%. Wanted: at most 3 %%.\n",
      (ratio[int((NR + 1) / 2)] - 1) * 100, (ratio[1] - 1) * 100, (ratio[NR] - 1) * 100 }'
}

bench_telemetry() {
  say "telemetry: counting and recording a check, against a build without"
  build_without_telemetry
  keyed_policy one
  printf '\nOne client, whose key always has its counter:\n'
  start_both one /check/v1/items
  compare
  telemetry_cost
  clients_lua 1000
  printf '\n1000 clients in turn, of which none keeps a counter among the most seen: the worst case:\n'
  start_both one /check/v1/items "$work/clients-1000.lua"
  compare
  telemetry_cost
  machine telemetry
}
