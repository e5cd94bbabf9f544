#!/usr/bin/env bash
# Two native peers, each behind an address translator (nftables) of its own, find each other by a STUN server (coturn) and
# call: in network namespaces made here. usage: nat.sh PEERAGE_PROGRAM
set -euo pipefail

program=$(realpath "$1")
PATH=$PATH:/usr/sbin:/sbin
if [ -z "${PEERAGE_NAMESPACE:-}" ]; then  # into a namespace of our own first; without root, as root of a user namespace
  user=()
  [ "$(id -u)" -eq 0 ] || user=(--user --map-root-user)
  PEERAGE_NAMESPACE=1 exec unshare "${user[@]}" --net "$0" "$program"
fi

for tool in ip nft turnserver sysctl; do
  command -v "$tool" >/dev/null || { echo "nat.sh: $tool is missing"; exit 1; }
done
work=$(mktemp -d)
children=()
trap 'kill "${children[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# A namespace lives as long as a process in it: one each, that does nothing. Named ones would need a mount of their own.
declare -A holder
make_namespace() {
  unshare --net sleep infinity &
  holder[$1]=$!
  children+=($!)
  # The child is there at once, its namespace a moment later.
  until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
  within "$1" ip link set lo up
}
within() { local name=$1; shift; nsenter --target "${holder[$name]}" --net "$@"; }
# The same, going on in the background.
within_aside() {
  local name=$1
  shift
  nsenter --target "${holder[$name]}" --net "$@" &  # not through a subshell, which would leave its child behind when killed
  children+=($!)
}

# connect HERE ADDRESS THERE ADDRESS: a cable between two namespaces; its ends are called HERE-THERE and THERE-HERE.
connect() {
  local here=$1 hereAddress=$2 there=$3 thereAddress=$4
  ip link add "$here-$there" type veth peer name "$there-$here"
  ip link set "$here-$there" netns "${holder[$here]}"
  ip link set "$there-$here" netns "${holder[$there]}"
  within "$here" ip addr add "$hereAddress" dev "$here-$there"
  within "$there" ip addr add "$thereAddress" dev "$there-$here"
  within "$here" ip link set "$here-$there" up
  within "$there" ip link set "$there-$here" up
}

for name in open nata natb a b; do make_namespace "$name"; done
connect open 192.0.2.1/30 nata 192.0.2.2/30
connect open 198.51.100.1/30 natb 198.51.100.2/30
for side in a b; do
  connect "nat$side" 10.0.0.1/24 "$side" 10.0.0.2/24
  within "$side" ip route add default via 10.0.0.1
  within "nat$side" sysctl -qw net.ipv4.ip_forward=1
  within "nat$side" nft -f - <<RULES
table ip nat {
  chain out { type nat hook postrouting priority 100; oifname "nat$side-open" masquerade; }
}
table ip filter {
  chain through { type filter hook forward priority 0; policy drop
    iifname "nat$side-$side" accept
    ct state established,related accept
  }
  # As routers do: a packet that nobody asked for leaves no trace, else its connection entry would take the port that the
  # answer to it needs.
  chain in { type filter hook input priority 0; policy drop; ct state established,related accept; }
}
RULES
done
within nata ip route add default via 192.0.2.1
within natb ip route add default via 198.51.100.1
within open sysctl -qw net.ipv4.ip_forward=1

within_aside open turnserver --stun-only --listening-ip 192.0.2.1 --listening-ip 198.51.100.1 --no-cli --no-tls --no-dtls \
  --pidfile "$work/turn.pid" --log-file "$work/turn.log" --simple-log >/dev/null 2>&1
within_aside open "$program" serve --port 7000 --ready-file "$work/ready" --quiet

# await WHAT SECONDS COMMAND...: until the command succeeds.
await() {
  local what=$1 left=$(($2 * 10))
  shift 2
  until "$@"; do
    left=$((left - 1))
    if [ "$left" -eq 0 ]; then
      echo "FAILED: no $what"
      tail -n 40 "$work"/*.log
      exit 1
    fi
    sleep 0.1
  done
  echo "ok: $what"
}

await "signalling server" 30 test -s "$work/ready"
within_aside a "$program" call --server ws://192.0.2.1:7000 --name a --auto-answer --ice-server stun:192.0.2.1 >"$work/a.log" 2>&1
await "peer a" 30 grep -q 'Connected to' "$work/a.log"
within_aside b "$program" call --server ws://198.51.100.1:7000 --name b --invite a --ice-server stun:198.51.100.1 >"$work/b.log" 2>&1
await "server-reflexive candidate of a" 30 grep -q 'candidate: .* 192.0.2.2 .* typ srflx raddr 10.0.0.2' "$work/a.log"
await "server-reflexive candidate of b" 30 grep -q 'candidate: .* 198.51.100.2 .* typ srflx raddr 10.0.0.2' "$work/b.log"
await "connection" 60 grep -q 'connectionState: connected' "$work/b.log"
await "pictures at a" 60 grep -Eq 'in [0-9]+ kbit/s, [1-9][0-9]* pictures/s' "$work/a.log"
await "pictures at b" 60 grep -Eq 'in [0-9]+ kbit/s, [1-9][0-9]* pictures/s' "$work/b.log"
