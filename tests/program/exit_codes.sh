#!/usr/bin/env bash
# What the program ends with, and what it says then. usage: exit_codes.sh PEERAGE_PROGRAM
set -euo pipefail

program=$(realpath "$1")
work=$(mktemp -d)
children=()
trap 'kill "${children[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

failed=0
# expect CODE TEXT ARGUMENT...: the program ends so, and TEXT (a pattern) is in what it says.
expect() {
  local code=$1 text=$2 got=0
  shift 2
  timeout 60 "$program" "$@" >"$work/said" 2>&1 || got=$?
  if [ "$got" -eq "$code" ] && grep -Eq -- "$text" "$work/said"; then
    echo "ok: $code: $*"
  else
    echo "FAILED: $* ended with $got instead of $code, or without \"$text\":"
    tail -n 10 "$work/said"
    failed=1
  fi
}

# The ready file is a pipe: reading it waits for the server.
mkfifo "$work/ready"
"$program" serve --interface 127.0.0.1 --port 0 --ready-file "$work/ready" --quiet >"$work/server.log" 2>&1 &
children+=($!)
read -r port <"$work/ready"
here=ws://127.0.0.1:$port

expect 2 'call needs --invite NAME or --auto-answer' call --name a
expect 2 '"xml" is neither json nor peerage.1$' call --name a --auto-answer --protocol xml
expect 2 'our own --name' call --server "$here" --name a --invite a
expect 2 'no address of a signalling server' call --server nonsense --name a --auto-answer
expect 2 'ice-server' call --server "$here" --name a --auto-answer --ice-server nonsense
expect 3 . call --server ws://127.0.0.1:1 --name a --auto-answer
expect 5 "port $port is in use" serve --interface 127.0.0.1 --port "$port"
expect 6 'ready file /nonexistent/r cannot be written' serve --port 0 --ready-file /nonexistent/r
expect 6 'no folder' serve --port 0 --web-root /nonexistent
expect 2 'no interface or address "eth77x"' serve --port 0 --interface eth77x
expect 2 'no address 192.0.2.1' serve --port 0 --interface 192.0.2.1  # RFC 5737: nobody's
expect 6 'cannot be opened|No such file' call --server "$here" --name a --auto-answer --source /nonexistent.ivf

openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
openssl genrsa -out "$work/other.pem" 2048 2>/dev/null
echo broken >"$work/broken.pem"
expect 6 'certificate /nonexistent.pem cannot be read' serve --port 0 --tls-cert /nonexistent.pem --tls-key "$work/key.pem"
expect 6 'no PEM certificate' serve --port 0 --tls-cert "$work/broken.pem" --tls-key "$work/key.pem"
expect 6 'no PEM key' serve --port 0 --tls-cert "$work/cert.pem" --tls-key "$work/broken.pem"
expect 6 'no PEM key that belongs' serve --port 0 --tls-cert "$work/cert.pem" --tls-key "$work/other.pem"

# Who waits for somebody refuses the calls of others.
"$program" call --server "$here" --name busy --invite nobody >"$work/busy.log" 2>&1 &
busy=$!
children+=("$busy")
expect 1 'busy hung up before there was a connection' call --server "$here" --name a --invite busy
expect 4 . call --server "$here" --name busy --auto-answer
kill -INT "$busy"
code=0
wait "$busy" || code=$?
if [ "$code" -eq 130 ]; then echo "ok: 130: interrupted"; else echo "FAILED: interrupted, ended with $code"; failed=1; fi
exit "$failed"
