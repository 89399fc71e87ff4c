#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make bench-gate`: gate.py, as root in a network namespace of its own: nothing of the machine's is in the way or is changed.
set -euo pipefail
if [ "$(id -u)" != 0 ]; then
	echo "bench-gate: measured as root only"
	exit 0
fi
# shellcheck disable=SC2016 # the inner shell's
exec unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$(dirname "$0")/gate.py" "$@"
