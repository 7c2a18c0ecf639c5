#!/usr/bin/env bash
# Breaks each line that carries a protocol, one at a time, on a copy of the tree, and asserts that a model notices.
#
# Each row of the table: a file, which occurrence of the text in it, the text, what stands there instead, and the model. A row
# whose text is gone from its file is an error, so the table stays true.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR="$copy/target"
git ls-files -z | xargs -0 cp --parents -t "$copy"

park=may-core/src/park/mod.rs
request=may-core/src/coroutine/request.rs
word=may-core/src/coroutine/commit_word.rs
sleep=may-core/src/coroutine/sleep.rs
queue=may-core/src/wait/queue.rs
inbox=may-core/src/queue/inbox.rs
idle=may-core/src/worker/idle.rs
fence='fence(Ordering::SeqCst);'

# What is not broken passes; else the rows below would prove nothing.
(cd "$copy" && ci/models.sh) >"$copy/log" 2>&1 || { tail -n 20 "$copy/log"; exit 1; }

failures=0
mutate() {
    local file=$1 occurrence=$2 old=$3 new=$4 model=$5
    cp "$file" "$copy/$file"
    if ! OLD=$old NEW=$new NTH=$occurrence perl -0pi -e '
        my ($n, $done) = (0, 0);
        s/\Q$ENV{OLD}\E/++$n == $ENV{NTH} ? do { $done = 1; $ENV{NEW} } : $&/ge;
        END { $? = 1 unless $done }' "$copy/$file"; then
        echo "GONE      $file: $old"
        failures=$((failures + 1))
        return
    fi
    if (cd "$copy" && LOOM_MAX_BRANCHES=20000 timeout 300 ci/models.sh "$model") >"$copy/log" 2>&1; then
        echo "UNNOTICED $file: $old -> $new"
        failures=$((failures + 1))
    elif grep -q 'could not compile' "$copy/log"; then
        echo "INVALID   $file: $old -> $new"
        failures=$((failures + 1))
    else
        echo "noticed   $file ($occurrence): $old"
    fi
    cp "$file" "$copy/$file"
}

# A wait: register, fence, look once more; withdraw whatever ended it.
mutate $park 1 "$fence" '' a_
mutate $park 1 'let ready = is_ready();' 'let _ = is_ready; let ready = false;' a_wake_up_is_not_lost
mutate $park 1 'let cancelled = cancellable && !ready && blocker.is_cancelled();' 'let cancelled = false;' a_cancellation
mutate $park 1 'if (ready || cancelled) && word.withdraw(ticket)' 'if ready || cancelled' a_
mutate $park 1 'withdraw(node);' '{ let _ = &withdraw; }' a_
# Park: open, fence, look at the token once more.
mutate $park 2 "$fence" '' token
mutate $park 1 '(take_token() || cancelled)' 'cancelled' token
# Requests: set the flag, fence, close the word.
mutate $request 1 "$fence" '' cancellation
mutate $request 2 "$fence" '' token
mutate $request 1 'flags.fetch_or(CANCELLED, Ordering::SeqCst);' '' cancellation
mutate $request 1 'word.cancel()' 'false' cancellation
mutate $request 1 'word.unpark()' 'false' token
# The commit word: one compare-and-swap, and a generation.
mutate $word 1 'self.0.compare_exchange(open, closed, Ordering::AcqRel, Ordering::Relaxed).is_ok()' '{ self.0.store(closed, Ordering::Release); let _ = open; true }' ''
mutate $word 1 '.wrapping_add(1)' '.wrapping_add(0)' ''
# The queue: fence before looking for somebody to wake; skip those whose wait has ended.
mutate $queue 1 "$fence" '' a_wake_up_is_not_lost
mutate $queue 2 "$fence" '' wake_all
mutate $queue 1 'return (Some(wake), taken);' '' ''
mutate $queue 1 'if node.waiter.word().commit(node.ticket, node.arm) {' 'let _ = node.waiter.word().commit(node.ticket, node.arm); if true {' ''
# The inbox: release and acquire carry the links; the reversal restores the order.
mutate $inbox 1 'Ordering::Release,' 'Ordering::Relaxed,' inbox
mutate $inbox 1 'self.head.swap(ptr::null_mut(), Ordering::Acquire)' '{ let head = self.head.load(Ordering::Acquire); self.head.store(ptr::null_mut(), Ordering::Relaxed); head }' inbox
# Falling asleep: announce, fence, look once more; push, fence, notify.
mutate $sleep 1 "$fence" '' falls_asleep_sees
mutate $sleep 2 "$fence" '' falls_asleep_sees
mutate $sleep 1 'self.0.store(ASLEEP, Ordering::Relaxed);' '' falls_asleep_sees
mutate $sleep 1 'self.0.swap(AWAKE, Ordering::AcqRel);' '' falls_asleep
# The watch over seeds.
mutate $idle 1 "$fence" '' found
mutate $idle 1 'self.sleeping.fetch_add(1, Ordering::Relaxed);' '' found
mutate $idle 1 '|| !has_seeds()' '|| true' found
mutate $idle 1 'again = self.must_rouse();' '' found
mutate $idle 1 '.is_some_and(|watcher| watcher != worker)' '.is_some()' found

if [ "$failures" -gt 0 ]; then
    echo "$failures rows need a look"
    exit 1
fi
