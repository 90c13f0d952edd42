#!/usr/bin/env bash
# Checks the promise in every reachable state of the model, and that it breaks when any one rule is dropped.
#   docs/model/check.sh        2 GB, a minute or two
#   docs/model/check.sh short  with leases of one tick for the whole; the dropped rules as ever
set -euo pipefail
model=$(cd "$(dirname "$0")" && pwd)/revocation.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

life=2
[ "${1:-}" != short ] || life=1

# verdict MACROS...: what spin finds, and in how many states.
verdict() {
	spin -a "$@" "$model" >spin.out
	cc -O1 -w -DSAFETY -DMEMLIM=4000 -o pan pan.c
	./pan -E -m1000000 -w23 >out 2>&1 || true
	local states
	states=$(awk '$2 == "states," && $3 == "stored" { printf "%d", $1 }' out)
	if grep -q 'assertion violated' out; then
		echo "broken ($states states seen)"
	elif grep -q 'max search depth too small\|Search not completed\|out of memory' out || [ -z "$states" ]; then
		echo incomplete
		cat out >&2
	else
		echo "holds in all $states states"
	fi
}

status=0
expect() {
	local want=$1 what=$2 got
	got=$(verdict "${@:3}")
	printf '%-30s %s\n' "$what" "$got"
	[[ $got == "$want"* ]] || status=1
}

expect holds "all rules, L=$life" -DL=$life
for rule in NOT_IN_COMMIT_ORDER UNREGISTERED NO_LEASE_CHECK LEASE_FROM_ARRIVAL LATE_RENEWAL SAME_ID ANSWER_BEFORE_CATCHING_UP \
	ACKNOWLEDGE_BEFORE_FORGET HINT_ONLY SHORT_HISTORY NO_WAIT NO_REREAD NO_FILL_GUARD \
	NO_FOLLOWER_FILL_GUARD FOLLOWER_NOT_WAITED FOLLOWER_OUTLIVES_NODE FOLLOWER_FROM_ARRIVAL; do
	expect broken "$rule" -DL=2 -D$rule
done
exit $status
