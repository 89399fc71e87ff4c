#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The part of `make bench` about networks: throughput through a published port, and starts beside a thousand dynos. Prints Markdown.
#
#   ROUNDS=9  of wrk, SECONDS_EACH=2     DYNO_COUNT=1000
#
# Needs root. run.sh calls it in a network namespace of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/bench
rounds=${ROUNDS:-9}
seconds=${SECONDS_EACH:-2}
pids=()

trap '[ ${#pids[@]} = 0 ] || kill "${pids[@]}"; wait' EXIT

# nginx_conf PORT DIR - one worker, a page of 12 bytes, keep-alive: what is measured is the way, not the server
nginx_conf() {
	cat <<-CONF
		daemon off; pid $2/nginx.pid; error_log stderr crit; worker_processes 1; events { worker_connections 512; }
		http { access_log off; keepalive_requests 1000000; client_body_temp_path $2/a; proxy_temp_path $2/b;
		fastcgi_temp_path $2/c; uwsgi_temp_path $2/d; scgi_temp_path $2/e;
		server { listen $1; location / { return 200 "hello world\n"; } } }
	CONF
}

# rate PORT - requests a second
rate() {
	wrk -t1 -c16 "-d${seconds}s" "http://127.0.0.1:$1/" | sed -n 's/^Requests\/sec: *//p'
}

# throughput - the same nginx as a dyno and on the host, in turns
throughput() {
	local dir i nginx
	nginx=$(command -v nginx || echo /usr/sbin/nginx)
	if ! command -v wrk >/dev/null || ! [ -x "$nginx" ]; then
		echo "Throughput was left out: needs wrk and nginx."
		return 0
	fi
	dir=$PWD/$out/nginx
	rm -rf "$dir"
	mkdir -p "$dir/app" "$dir/tmp"
	chmod 755 "$dir" "$dir/app"
	nginx_conf 5000 /tmp >"$dir/app/nginx.conf"
	nginx_conf 8081 "$dir/tmp" >"$dir/nginx.conf"
	build/dyno run -q --no-launcher --net private -p 5000 --publish 8080 --slug "$dir/app" -- "$nginx" -e stderr -c /app/nginx.conf &
	pids+=($!)
	"$nginx" -e stderr -c "$dir/nginx.conf" &
	pids+=($!)
	sleep 1
	rate 8080 >/dev/null
	rate 8081 >/dev/null
	for ((i = 0; i < rounds; i++)); do
		echo "$(rate 8080) $(rate 8081)"
	done | python3 -c '
import statistics, sys

rows = [tuple(map(float, line.split())) for line in sys.stdin]
dyno, host = (statistics.median(column) for column in zip(*rows))
ratio = statistics.median(d / h for d, h in rows)
print(f"wrk -t1 -c16, nginx with one worker, {len(rows)} rounds: dyno by its published port {dyno:.0f} requests/s,")
print(f"the same nginx on the host {host:.0f}: ratio {ratio:.2f} (promised: at least 0.75)")'
	kill "${pids[@]}"
	wait
	pids=()
}

throughput
echo
DYNO_BUILD=build DYNO_SOURCE=. build/tests/sandbox/test_thousand | sed -n 's/^test_all_answer[^:]*: \(.*ratio.*\)/\1 (promised: at most 1.30)/p'
