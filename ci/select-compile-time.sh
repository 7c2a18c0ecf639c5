#!/usr/bin/env bash
# How long a crate with many selects of three arms takes to compile, against the same with
# crossbeam-channel's macro: `cargo check` and a debug build of that crate alone, the best of some
# runs each. The first argument says how many selects (200), the second how many runs (5). Fails if
# ours takes more than twice as long.
set -euo pipefail
cd "$(dirname "$0")/.."

selects="${1:-200}"
runs="${2:-5}"
root="$PWD"
crates="$(mktemp -d)"
trap 'rm -rf "$crates"' EXIT
export CARGO_TARGET_DIR="$crates/target" CARGO_INCREMENTAL=0

# Writes a crate: its name, its dependency, and what one select is with the number of its function.
write() {
    mkdir -p "$crates/$1/src"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n%s\n[workspace]\n' "$1" "$2" >"$crates/$1/Cargo.toml"
    for number in $(seq "$selects"); do
        printf '%s\n' "${3//NUMBER/$number}"
    done >"$crates/$1/src/lib.rs"
}

write ours "may = { path = \"$root/may\" }" 'pub fn f_NUMBER(a: &may::channel::Receiver<u32>, b: &may::channel::Receiver<String>, c: &may::channel::Sender<u64>) -> usize {
    may::select! {
        number = recv(a) => number.map_or(NUMBER, |number| number as usize),
        text = recv(b) => text.map_or(0, |text| text.len()),
        sent = send(c, NUMBER) => usize::from(sent.is_ok()),
    }
}'
write theirs 'crossbeam-channel = "0.5.17"' 'pub fn f_NUMBER(a: &crossbeam_channel::Receiver<u32>, b: &crossbeam_channel::Receiver<String>, c: &crossbeam_channel::Sender<u64>) -> usize {
    crossbeam_channel::select! {
        recv(a) -> number => number.map_or(NUMBER, |number| number as usize),
        recv(b) -> text => text.map_or(0, |text| text.len()),
        send(c, NUMBER) -> sent => usize::from(sent.is_ok()),
    }
}'

# The milliseconds that cargo takes to do something with a crate whose dependencies are built.
once() {
    touch "$crates/$1/src/lib.rs"
    local begin
    begin="$(date +%s%N)"
    cargo "$2" --quiet --manifest-path "$crates/$1/Cargo.toml"
    echo "$((($(date +%s%N) - begin) / 1000000))"
}

slow=0
for command in check build; do
    declare -A best=([ours]=1000000000 [theirs]=1000000000)
    for crate in ours theirs; do
        once "$crate" "$command" >/dev/null
    done
    # By turns, so that what else the machine does meets both.
    for _ in $(seq "$runs"); do
        for crate in ours theirs; do
            time="$(once "$crate" "$command")"
            [ "$time" -ge "${best[$crate]}" ] || best[$crate]="$time"
        done
    done
    printf 'cargo %s: %d selects take %d ms with may, %d ms with crossbeam-channel\n' \
        "$command" "$selects" "${best[ours]}" "${best[theirs]}"
    [ "${best[ours]}" -le "$((2 * best[theirs]))" ] || slow=1
done
exit "$slow"
