#!/usr/bin/env bash
# ./run demo ends, and its two children with it, when the script alone gets a signal. usage: run_demo.sh PEERAGE_PROGRAM
set -euo pipefail

program=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

# The program is built and every package there: stand-ins say so.
mkdir -p "$work/bin" "$work/build/apps"
touch "$work/build/build.ninja"
ln -s "$program" "$work/build/apps/peerage"
printf '#!/bin/sh\n' >"$work/bin/ninja"
printf '#!/bin/sh\necho installed\n' >"$work/bin/dpkg-query"
chmod +x "$work/bin/ninja" "$work/bin/dpkg-query"

set -m  # else bash starts what is in the background with SIGINT ignored
mkfifo "$work/said"
for signal in INT TERM; do
  PATH=$work/bin:$PATH PEERAGE_BUILD=$work/build PEERAGE_PORT=0 "$root/run" demo >"$work/said" 2>&1 &
  script=$!
  exec 3<"$work/said"
  while read -r line <&3; do
    [[ $line == "Connected to "* ]] && break
  done
  [[ $line == "Connected to "* ]] || { echo "FAILED: it ended before the peer was there: $line"; exit 1; }
  kill -"$signal" "$script"
  cat <&3 >"$work/rest"  # to the end: until nobody is left that could write
  exec 3<&-
  code=0
  wait "$script" || code=$?
  [ "$code" -eq 0 ] || { echo "FAILED: SIG$signal ended it with $code"; cat "$work/rest"; exit 1; }
  grep -q '^Stopped' "$work/rest" || { echo "FAILED: the server did not stop in order"; cat "$work/rest"; exit 1; }
  echo "ok: SIG$signal to the script ends all three"
done
