#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Build each fuzz target with clang's libFuzzer, AddressSanitizer and UBSan, and run it for a while.
#
#   scripts/fuzz.sh TARGET.c... -- SOURCE.c...      FUZZ_SECONDS=5 each
#
# Seeds are in tests/fuzz/seeds/NAME, for tests/fuzz/fuzz_NAME.c. What is found along the way stays in build/fuzz/corpus,
# an input that breaks a target in build/fuzz/crash-*: turn it into a seed and a test.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-5}
targets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	targets+=("$1")
	shift
done
[ $# -eq 0 ] || shift

flags=(-std=gnu17 -O1 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -Iinclude -Ibuild/isolation -fno-omit-frame-pointer
	"-fsanitize=address,undefined" -fno-sanitize-recover=all)
read -ra includes < <(pkg-config --cflags libnl-route-3.0 jansson sqlite3 libcurl)
read -ra libraries < <(pkg-config --libs libnl-route-3.0 jansson sqlite3)
flags+=("${includes[@]}")
mkdir -p build/fuzz/obj

# the rooms are compiled once, with coverage, and linked into each target
compile() {
	clang "${flags[@]}" -fsanitize=fuzzer-no-link -c -o "$2" "$1"
}
objects=()
for source in "$@"; do
	object=build/fuzz/obj/${source//\//_}.o
	objects+=("$object")
	[ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
	compile "$source" "$object" &
done
while [ -n "$(jobs -p)" ]; do
	wait -n
done

for target in "${targets[@]}"; do
	name=$(basename "$target" .c)
	corpus=build/fuzz/corpus/${name#fuzz_}
	mkdir -p "$corpus"
	clang "${flags[@]}" -fsanitize=fuzzer -o "build/fuzz/$name" "$target" "${objects[@]}" "${libraries[@]}"
	echo "---------------- $name, $seconds s"
	"build/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/ "$corpus" "tests/fuzz/seeds/${name#fuzz_}" 2>&1 |
		grep -v -e '#[0-9]*[[:space:]]*\(NEW\|REDUCE\|pulse\|INITED\)' -e '^INFO' -e '^"' -e '^###' -e 'NEW_FUNC' -e '^stat::\(average\|new_units\|slowest\|peak\)'
done
echo "fuzz: ${#targets[@]} target(s), nothing found"
