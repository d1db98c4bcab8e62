# servers.sh: starts the servers that are measured, pinned to their cores, and ends them. Sourced by scripts/bench.
# shellcheck shell=bash

# Ends what was started here, and nothing else.
clean_up() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  pids=()
}
trap 'clean_up; rm -rf "$work"' EXIT

# Server on the first core, load on the second; on a machine with one core both share it, and the tables say so.
server_core=0
load_core=$(($(nproc) > 1 ? 1 : 0))
# Threads of a server that is started, and of the load.
threads=1
load_threads=1

free_port() {
  python3 - 2>/dev/null <<'PY' || echo $((20000 + RANDOM % 20000))
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
PY
}

# wait_for_port PORT PID
wait_for_port() {
  local try
  for ((try = 0; try < 1500; try++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
    kill -0 "$2" 2>/dev/null || fail "a server ended before it listened; see above"
    sleep 0.02
  done
  fail "nothing listens on port $1"
}

# start_weir POLICIES [ARGUMENT...]: sets `port` and `pid`.
start_weir() {
  local policies=$1
  shift
  port=$(free_port)
  taskset -c "$server_core" "$weir" serve --policies "$policies" --listen "127.0.0.1:$port" --admin off \
    --threads "$threads" --log-level error "$@" &
  pid=$!
  pids+=("$pid")
  wait_for_port "$port" "$pid"
}

# start_nginx NAME HTTP_BLOCK: `PORT` in the block is replaced. Sets `port`, and `pid` to the pids of the workers.
start_nginx() {
  local folder=$work/$1 master
  mkdir -p "$folder"
  port=$(free_port)
  cat >"$folder/nginx.conf" <<NGINX
daemon off;
worker_processes $threads;
pid $folder/nginx.pid;
error_log $folder/error.log crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path $folder/b; proxy_temp_path $folder/p; fastcgi_temp_path $folder/f;
  uwsgi_temp_path $folder/u; scgi_temp_path $folder/s;
  ${2//PORT/$port}
}
NGINX
  taskset -c "$server_core" nginx -e "$folder/error.log" -p "$folder" -c "$folder/nginx.conf" &
  master=$!
  pids+=("$master")
  wait_for_port "$port" "$master"
  # It listens before it has workers.
  until [ "$(wc -w <"/proc/$master/task/$master/children")" -ge "$threads" ]; do sleep 0.02; done
  pid=$(cat "/proc/$master/task/$master/children")
  pid=${pid% }
}

# start_redis: a Redis without persistence, on the server's core. Sets `redis_port` and `redis_pid`.
start_redis() {
  redis_port=$(free_port)
  taskset -c "$server_core" redis-server --bind 127.0.0.1 --port "$redis_port" --dir "$work" --save '' \
    --appendonly no >"$work/redis.log" &
  redis_pid=$!
  pids+=("$redis_pid")
  wait_for_port "$redis_port" "$redis_pid"
}

# redis_cpu: microseconds of processor time that Redis has had, by its own account.
redis_cpu() {
  redis-cli -p "$redis_port" info cpu | awk -F: '/^used_cpu_(sys|user):/ { sum += $2 } END { printf "%.0f\n", sum * 1e6 }'
}

# metric PORT NAME: the sum over its labels of a metric of the weir whose metrics listener that is.
metric() {
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET /metrics HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n' >&3
  awk -v name="$2" '$1 == name || index($1, name "{") == 1 { sum += $NF } END { print sum + 0 }' <&3
  exec 3>&-
}

# all_shared PORT: fails where weir made decisions without Redis, which are cheap, and not what was to be measured.
all_shared() {
  [ "$(metric "$1" weir_decisions_degraded_total)" = 0 ] ||
    fail "weir answered some checks without Redis: not the work that was measured"
}
