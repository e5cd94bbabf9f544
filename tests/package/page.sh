#!/usr/bin/env bash
# The installed program serves the installed page. usage: page.sh PREFIX
set -euo pipefail

prefix=$1
[ -x "$prefix/bin/peerage" ] || { echo "no program is installed"; exit 0; }  # built without signalling
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
page=$(echo "$prefix"/share/peerage/web/index.html)
echo '<!-- of the installed tree -->' >>"$page"
mkfifo "$work/ready"
"$prefix/bin/peerage" serve --port 0 --ready-file "$work/ready" --quiet &
server=$!
read -r port <"$work/ready"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
timeout 10 grep -q -- '<!-- of the installed tree -->' <&3 || { echo "the page is not the installed one"; exit 1; }
echo "ok: the installed program serves the installed page"
