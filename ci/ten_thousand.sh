#!/usr/bin/env bash
# Ten thousand connections at once, or as many as the first argument says: the server and its
# clients are the examples, in processes of their own. Every message has to come back unchanged, and
# the server has to stop cleanly afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

connections="${1:-10000}"
seconds="${2:-10}"

# Each process has a descriptor for each connection, and some for itself.
needed=$((connections + 200))
hard="$(ulimit -H -n)"
if [ "$hard" != unlimited ] && [ "$hard" -lt "$needed" ]; then
    echo "skipped: $connections connections take $needed descriptors, and the hard limit is $hard" >&2
    exit 0
fi
soft="$(ulimit -S -n)"
if [ "$soft" != unlimited ] && [ "$soft" -lt "$needed" ]; then
    ulimit -S -n "$needed"
fi
# Each connection takes a port of the client's, too.
if [ -r /proc/sys/net/ipv4/ip_local_port_range ]; then
    read -r first last </proc/sys/net/ipv4/ip_local_port_range
    if [ $((last - first)) -lt "$connections" ]; then
        echo "skipped: there are only $((last - first)) ports for $connections connections" >&2
        exit 0
    fi
fi

cargo build --release -p may-examples --bin echo --bin echo_client
binaries="${CARGO_TARGET_DIR:-target}/release"

directory="$(mktemp -d)"
server=
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
    fi
    rm -rf "$directory"
}
trap stop EXIT

# A background job of a script ignores SIGINT unless it says otherwise; the server does, when it
# waits for it.
"$binaries/echo" 127.0.0.1:0 >"$directory/output" &
server=$!
address=
for _ in $(seq 100); do
    address="$(sed -n 's/^listening on //p' "$directory/output")"
    if [ -n "$address" ]; then
        break
    fi
    sleep 0.1
done
if [ -z "$address" ]; then
    echo "the server does not say where it listens" >&2
    exit 1
fi

"$binaries/echo_client" --addr "$address" --connections "$connections" --seconds "$seconds"

kill -INT "$server"
wait "$server"
server=
echo "ten thousand: passed with $connections connections"
