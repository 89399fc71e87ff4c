#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The size budget: a function of at most 60 lines (100 for a flat table or switch that is listed below with its reason), a
# file of at most 500 lines (a warning up to 800, a failure above). Ugliness lives in the tail, so the tail is bounded.
set -euo pipefail
cd "$(dirname "$0")/.."

function_budget=60 function_stop=100
file_budget=500 file_stop=800
# flat tables and switches over 60 lines: FILE:FUNCTION reason
allowed=scripts/lint-budget.allowed
bad=0

while read -r lines path; do
	if [ "$lines" -gt $file_stop ]; then
		echo "$path: $lines lines, more than $file_stop: split it by subject"
		bad=1
	elif [ "$lines" -gt $file_budget ]; then
		echo "$path: $lines lines, more than the budget of $file_budget (warning)"
	fi
done < <(wc -l "$@" | sed '$ { / total$/d; }')

while IFS=$'\t' read -r name path line end; do
	size=$((end - line + 1))
	if [ $size -gt $function_stop ]; then
		echo "$path:$line: $name() has $size lines, more than $function_stop"
		bad=1
	elif [ $size -gt $function_budget ] && ! grep -q "^$path:$name " $allowed; then
		echo "$path:$line: $name() has $size lines, more than $function_budget (a flat table? say so in $allowed)"
		bad=1
	fi
done < <(ctags --languages=C --langmap=C:.c.h --kinds-C=f --fields=+ne -o - "$@" |
	sed -n 's/^\([^\t]*\)\t\([^\t]*\)\t.*line:\([0-9]*\).*end:\([0-9]*\).*/\1\t\2\t\3\t\4/p')

# an entry whose function went away or shrank is noise
while read -r entry _; do
	case $entry in '' | '#'*) continue ;; esac
	if ! [ -f "${entry%%:*}" ] || ! grep -q "\b${entry##*:}(" "${entry%%:*}"; then
		echo "$allowed: $entry is no more"
		bad=1
	fi
done <$allowed

exit $bad
