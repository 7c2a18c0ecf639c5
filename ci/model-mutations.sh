#!/usr/bin/env bash
# Breaks each line that carries a protocol, one at a time, on a copy of the tree, and asserts that a
# model notices.
#
# Each row of the table: a file, which occurrence of the text in it, the text, what stands there
# instead, the test, and the models of it. A row whose text is gone from its file is an error, so
# the table stays true. With an argument only the rows whose file has it in its path are tried.
set -euo pipefail
cd "$(dirname "$0")/.."
only=${1:-}

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR="$copy/target" CARGO_INCREMENTAL=1 RUST_BACKTRACE=0 LOOM_MAX_BRANCHES=20000
git ls-files -z | xargs -0 cp --parents -t "$copy"

park=may-core/src/park/mod.rs
request=may-core/src/coroutine/request.rs
word=may-core/src/coroutine/commit_word.rs
sleep=may-core/src/coroutine/sleep.rs
queue=may-core/src/wait/queue.rs
entry=may-core/src/wait/entry.rs
listed=may-core/src/operation/listed.rs
queued=may-core/src/operation/queued.rs
inbox=may-core/src/queue/inbox.rs
idle=may-core/src/worker/idle.rs
orders=may-core/src/worker/orders.rs
buffered=may-core/src/channel/buffered.rs
rendezvous=may-core/src/channel/rendezvous.rs
packet=may-core/src/channel/packet.rs
mutex=may-core/src/sync/mutex.rs
rwlock=may-core/src/sync/rwlock/raw.rs
rwlock_op=may-core/src/sync/rwlock/op.rs
barrier=may-core/src/sync/barrier.rs
semaphore=may-core/src/sync/semaphore.rs
condvar=may-core/src/sync/condvar.rs
notify=may-core/src/sync/notify.rs
once=may-core/src/sync/once.rs
oneshot=may-core/src/sync/oneshot.rs
prim=may-core/src/prim.rs
blocks=may-core/src/queue/blocks.rs
spsc=may-core/src/sync/spsc.rs
block_on=may-core/src/future/block_on.rs
future=may-core/src/operation/future.rs
waker=may-core/src/wait/waker.rs
fence='fence(Ordering::SeqCst);'

# What is not broken passes; else the rows below would prove nothing.
(cd "$copy" && ci/models.sh) >"$copy/log" 2>&1 || { tail -n 20 "$copy/log"; exit 1; }

failures=0
say() {
    printf '%-9s %s\n' "$1" "$2"
    [ "$1" = noticed ] || failures=$((failures + 1))
}

mutate() {
    local file=$1 occurrence=$2 old=$3 new=$4 test=$5 model=${6:-}
    local row="$file ($occurrence): $old -> $new"
    case $file in *"$only"*) ;; *) return ;; esac
    cp "$file" "$copy/$file"
    if ! OLD=$old NEW=$new NTH=$occurrence perl -0pi -e '
        my ($n, $done) = (0, 0);
        s/\Q$ENV{OLD}\E/++$n == $ENV{NTH} ? do { $done = 1; $ENV{NEW} } : $&/ge;
        END { $? = 1 unless $done }' "$copy/$file"; then
        say GONE "$row"
        return
    fi
    if ! (cd "$copy" && MODELS=$test ci/models.sh --no-run) >"$copy/log" 2>&1; then
        say INVALID "$row"
    elif ! grep -q 'Compiling may-core' "$copy/log"; then
        say STALE "$row"
    else
        local code=0
        (cd "$copy" && MODELS=$test timeout 120 ci/models.sh "$model") >"$copy/log" 2>&1 || code=$?
        if [ "$code" = 0 ]; then
            say UNNOTICED "$row"
        elif [ "$code" = 124 ]; then
            say ENDLESS "$row"
        elif grep -qE '^test result: FAILED|signal: ' "$copy/log"; then
            say noticed "$row"
        else
            say BROKEN "$row"
        fi
    fi
    cp "$file" "$copy/$file"
}

# A wait: register, fence, look once more; withdraw whatever ended it.
mutate $queued 1 'by.fence();' '' model_wait a_
mutate $queued 1 'queueing.is_ready()' '{ let _ = &queueing; false }' model_wait a_wake_up_is_not_lost
mutate $park 1 'self.registration.fence_once();' '' model_channel waits_for_nothing
mutate $park 1 'let cancelled = self.cancellable && !ready && must_end(strand);' 'let cancelled = false;' model_wait a_cancellation
mutate $park 1 'if (ready || cancelled) && strand.word.withdraw(ticket)' 'if ready || cancelled' model_wait a_
mutate $queued 1 'Self::unlink(queueing, entry);' '' model_wait a_
mutate $listed 1 'None => Self::unlink(listing, entry),' 'None => None,' model_channel
mutate $listed 2 'None => Self::unlink(listing, entry),' 'None => None,' model_channel
mutate $entry 1 'self.committed.set(Some(number));' 'let _ = number;' model_channel
# Park: open, fence, look at the token once more.
mutate $park 1 'wait.registration().fence();' '' model_wait token
mutate $park 1 'let taken = request::take_token(wait.blocker.strand());' 'let taken = false;' model_wait token
# Requests: set the flag, fence, close the word.
mutate $request 1 "$fence" '' model_wait cancellation
mutate $request 2 "$fence" '' model_wait token
mutate $request 1 'flags.fetch_or(CANCELLED, Ordering::SeqCst);' '' model_wait cancellation
mutate $request 1 'word.cancel()' 'false' model_wait cancellation
mutate $request 1 'word.unpark()' 'false' model_wait token
# The commit word: one compare-and-swap, and a generation; what the winner did comes with it.
close=$'self.0\n            .compare_exchange(open, closed, Ordering::AcqRel, Ordering::Relaxed)\n            .is_ok()'
mutate $word 1 "$close" '{ self.0.store(closed, Ordering::Release); let _ = open; true }' model_wait
mutate $word 1 'compare_exchange(open, closed, Ordering::AcqRel,' 'compare_exchange(open, closed, Ordering::Relaxed,' model_channel rendezvous
mutate $word 1 'let word = self.0.load(Ordering::Acquire);' 'let word = self.0.load(Ordering::Relaxed);' model_channel rendezvous
mutate $word 1 '.wrapping_add(1)' '.wrapping_add(0)' model_wait a_late_deadline
# The queue: fence before looking for somebody to wake; skip those whose wait has ended.
mutate $queue 1 "$fence" '' model_wait a_wake_up_is_not_lost
mutate $queue 2 "$fence" '' model_wait wake_all
mutate $queue 1 $'self.waiting\n            .store(self.waiting.load(Ordering::Relaxed) + 1, Ordering::Relaxed);' '' model_wait a_wake_up_is_not_lost
mutate $queue 1 'self.count_down(usize::from(withdrawn));' 'let _ = withdrawn;' model_wait
mutate $queue 1 'return (Some(wake), taken);' '' model_wait
mutate $queue 1 'if committed {' 'let _ = committed; if true {' model_wait is_passed_by
mutate $queue 1 'node.queued.set(false);' '' model_wait is_passed_by
# Seats: whoever was woken in vain goes back to where it stood.
mutate $entry 1 'self.seat = Seat(node.seat.get());' '' model_wait in_vain
mutate $queue 1 'node.as_ref().seat.get() <= seat' 'node.as_ref().seat.get() <= seat || true' model_wait in_vain
mutate $queue 1 'self.last_seat += 1;' '' model_wait in_vain
# What is handed over with a commit, and taken back if there was none.
mutate $queue 1 'offer(&node.data);' 'let _ = offer;' model_channel rendezvous
mutate $queue 1 'retract(&node.data);' 'let _ = retract;' model_channel rendezvous
# The inbox: release and acquire carry the links; the reversal restores the order.
mutate $inbox 1 'Ordering::Release,' 'Ordering::Relaxed,' model_worker inbox
mutate $inbox 1 'self.head.swap(ptr::null_mut(), Ordering::Acquire)' '{ let head = self.head.load(Ordering::Acquire); self.head.store(ptr::null_mut(), Ordering::Relaxed); head }' model_worker inbox
# Falling asleep: announce, fence, look once more; push, fence, notify; say when it is over.
mutate $sleep 1 "$fence" '' model_worker falls_asleep_sees
mutate $sleep 2 "$fence" '' model_worker falls_asleep_sees
mutate $sleep 1 'self.0.store(ASLEEP, Ordering::Relaxed);' '' model_worker falls_asleep_sees
mutate $sleep 1 'self.0.swap(AWAKE, Ordering::AcqRel);' '' model_worker runs_again
# The search for unstarted coroutines.
mutate $idle 1 "$fence" '' model_worker found
mutate $idle 1 'self.sleeping.fetch_add(1, Ordering::Relaxed);' '' model_worker found
mutate $idle 1 '|| !has_unstarted()' '|| true' model_worker found
mutate $idle 1 'again = self.needs_searcher();' '' model_worker found

# The end: the spawner ends the coroutine, or the last worker does, or who gives up.
mutate $orders 1 "$fence" '' model_worker pushed
mutate $orders 2 "$fence" '' model_worker pushed
mutate $orders 3 "$fence" '' model_worker pushed
mutate $orders 1 '|| self.is_given_up()' '' model_worker pushed
mutate $orders 1 '(self.have_ended() || self.is_given_up())' 'self.is_given_up()' model_worker pushed
# The queue for two: put out, fence, look whether somebody waits; the count carries the message.
mutate $prim 1 $'place.store(value, Ordering::Release);\n        fence(Ordering::SeqCst);' 'place.store(value, Ordering::Release);' model_channel one_
mutate $prim 1 'place.store(value, Ordering::Release);' 'place.store(value, Ordering::Relaxed);' model_channel one_
mutate $blocks 1 '.set(self.published.load(Ordering::Acquire));' '.set(self.published.load(Ordering::Relaxed));' model_channel one_
mutate $spsc 1 'self.0.receiver.wake_one_after_fence();' '' model_channel one_
mutate $spsc 1 'self.0.receiver.wake_all();' '' model_channel one_
mutate $spsc 1 'true => self.pop().ok_or(Refused::Disconnected),' 'true => Err(Refused::Disconnected),' model_channel one_
# Select: several nodes, one word; rights and claims.
mutate $park 1 'self.registration.fence_once();' '' model_select cancelled_ends
mutate $entry 1 'self.committed.set(Some(number));' 'let _ = number;' model_select
mutate $packet 1 'wake.fire();' 'let _ = wake;' model_select
mutate $rendezvous 1 'waiter => state.senders.has_other_than(waiter),' '_ => false,' model_select
mutate $rendezvous 1 'state.receivers.has_other_than(by.waiter)' 'false' model_select
mutate $packet 1 'self.claim.load(Ordering::Acquire) == CLAIMED' 'false' model_select
mutate $queued 1 'by.fence();' '' model_select flag
mutate $mutex 1 'committed.granted || self.0.raw().acquire_or_contend_after_release();' 'self.0.raw().acquire_or_contend_after_release();' model_select lock
mutate $mutex 1 'committed.granted || self.0.raw().acquire_or_contend_after_release();' 'committed.granted || self.0.raw().try_acquire();' model_select lock
mutate $mutex 1 'let _queue = self.queue.lock();' '' model_sync mutex
# Block_on: the mark is left, then looked for once more.
mutate $block_on 1 'self.waiter.wake_one();' '' model_future wake_up
mutate $block_on 1 'self.0.set.load(Ordering::Relaxed) == 1' 'false' model_future wake_up
mutate $block_on 1 'true if park::may_block() => park::yield_now(),' 'true => mark.wait(),' model_future wake_up
# Futures: what one was committed for is passed on; the waker is called; what came to a dropped one
# comes back.
mutate $future 1 'operation.abandon();' 'let _ = operation;' model_future leaves
mutate $future 1 'block.word.is_held()' 'false' model_future select
mutate $queue 1 'claims && wake.runs_user_code()' 'false && claims' model_future select
mutate $packet 1 'wake.release();' '' model_future select
mutate $word 1 'self.0.fetch_and(!HELD, Ordering::Release);' 'self.0.fetch_and(!HELD, Ordering::Relaxed);' model_future select
mutate $waker 1 'waker.wake()' 'drop(waker)' model_future receives
mutate $future 1 'block.set_waker(context.waker());' 'let _ = context;' model_future receives
mutate $rendezvous 1 'let wake = state.senders.wake_first().0;' 'let wake = None;' model_future from_a_select
mutate $rendezvous 1 'self.in_flight += usize::from(counted.get());' 'let _ = counted.get();' model_future comes_back
mutate $packet 1 'before == LEFT => Err(Leftover(packet.take())),' 'before == LEFT => { drop(packet.take()); Ok(()) }' model_future comes_back
mutate $rendezvous 1 'self.wake_all(|state| &mut state.receivers);' '' model_future claimed
mutate $rendezvous 1 'self.sender_count == 0 && self.in_flight == 0' 'self.sender_count == 0' model_future claimed
mutate $buffered 1 'if state.has_message() {' 'if false {' model_future buffer
mutate $buffered 1 'state.set_aside -= usize::from(committed.granted);' '' model_future buffer
mutate $buffered 1 'if !self.has_no_slot(&state) {
            let wake' 'if false {
            let wake' model_future buffer
mutate $buffered 1 'state.reserved -= usize::from(granted);' '' model_future buffer
mutate $semaphore 1 'drop(self.permits.permit(self.n));' '' model_future permit
mutate $mutex 1 'if committed.granted || self.0.raw().acquire_or_contend_after_release() {' 'if false && committed.granted {' model_future lock
mutate $notify 1 'begun.by_one.set(true)' 'begun.by_one.set(false)' model_future notification
# Channels with a buffer: whoever makes a change wakes somebody for it; looking and registering are
# one step.
mutate $buffered 1 'let wake = state.call_receiver();' 'let wake = None;' model_channel receiver
mutate $buffered 1 'let wake = state.call_sender();' 'let wake = None;' model_channel sender
mutate $buffered 2 'let wake = state.call_sender();' 'let wake = None;' model_channel sender
mutate $buffered 4 'let wake = state.call_sender();' 'let wake = None;' model_channel slot
# A grant is kept for whom it is, and used up once.
mutate $buffered 1 'self.set_aside += 1' '()' model_channel receiver
mutate $buffered 1 'self.reserved += 1' '()' model_channel sender
mutate $buffered 1 'state.set_aside -= 1;' '' model_channel receiver
mutate $buffered 1 'self.buffer.len() > set_aside' '{ let _ = set_aside; self.buffer.len() > 0 }' model_channel receiver
mutate $buffered 1 'true if self.channel.fill_from(&self.message) => Some(Ok(())),' 'true if false => Some(Ok(())),' model_channel sender
mutate $queue 1 'node.as_ref().granted.set(true);' '' model_channel bounded
mutate $queue 1 'node.as_ref().granted.set(false);' '' model_sync
mutate $listed 1 'Listed::link(listing, entry, state, by);' '{ drop(state); Listed::link(listing, entry, listing.lock().lock(), by); }' model_channel bounded
mutate $buffered 1 'self.wake_all(|state| &mut state.receivers);' '' model_channel disconnected
mutate $buffered 1 'self.wake_all(|state| &mut state.senders);' '' model_channel disconnected
# Rendezvous: if one that waited has gone, the next one is tried.
mutate $rendezvous 1 'if offered.is_some() {' 'if true {' model_channel rendezvous
mutate $rendezvous 2 'self.wake_all(|state| &mut state.receivers);' '' model_channel disconnected
mutate $rendezvous 1 'self.wake_all(|state| &mut state.senders);' '' model_channel disconnected
# Mutex: `CONTENDED` before each wait; the holder who swaps it out wakes somebody.
mutate $mutex 1 '.compare_exchange(UNLOCKED, LOCKED, Ordering::Acquire,' '.compare_exchange(UNLOCKED, LOCKED, Ordering::Relaxed,' model_sync mutex
mutate $mutex 1 'self.state.swap(CONTENDED, Ordering::Acquire)' 'self.state.swap(LOCKED, Ordering::Acquire)' model_sync mutex
mutate $mutex 1 'self.state.swap(CONTENDED, Ordering::Acquire)' 'self.state.swap(CONTENDED, Ordering::Relaxed)' model_sync mutex
mutate $mutex 1 'self.state.fetch_sub(1, Ordering::Release)' 'self.state.fetch_sub(1, Ordering::Relaxed)' model_sync mutex
mutate $mutex 1 'self.state.store(CONTENDED, Ordering::Relaxed);' '' model_sync mutex
mutate $mutex 1 'self.state.store(UNLOCKED, Ordering::Release);' 'self.state.store(UNLOCKED, Ordering::Relaxed);' model_sync mutex
mutate $mutex 1 'if !granted {' 'if true {' model_sync mutex
mutate $mutex 1 'let wake = queue.waiters.call_first(|| granted = true);' 'let wake = queue.waiters.call_first(|| granted = true).filter(|_| false);' model_sync mutex
mutate $listed 1 'if L::TRIES_AGAIN && !committed.granted => None' 'if L::TRIES_AGAIN => None' model_sync mutex
# A promise: kept until it is redeemed, also if the lock is free when it is made, and taken back if
# nobody will come.
mutate $mutex 1 'queue.vacant |= self.acquire_or_contend();' '' model_sync promise
mutate $mutex 1 'queue.vacant = queue.promised > 0;' 'queue.vacant = false;' model_sync notification
mutate $mutex 1 'return queue.waiters.wake_first_ahead();' 'return None;' model_sync
mutate $mutex 2 'queue.promised -= 1;' '' model_sync promise
mutate $mutex 1 'queue.promised -= 1;' '' model_sync promise
mutate $mutex 1 'true => self.pass_on(&mut queue),' 'true => None,' model_sync promise
# RwLock: the right is counted before it is handed over; a writer that leaves lets in those whom it
# held up.
mutate $rwlock 1 '!self.writer && self.waiting_writers.is_empty()' 'self.waiting_writers.is_empty()' model_sync lock
mutate $rwlock 1 '!self.writer && self.readers == 0' '!self.writer' model_sync lock
mutate $rwlock 1 'self.writer = true;' '' model_sync lock
mutate $rwlock 1 $'self.readers += 1;\n                    wakes' 'wakes' model_sync lock
mutate $rwlock_op 1 'self.0.raw.settle(state);' 'drop(state);' model_sync readers_behind
mutate $rwlock 1 'if state.readers == 0 && !state.waiting_writers.is_empty() {' 'if false {' model_sync lock
mutate $rwlock 1 'if !state.waiting_readers.is_empty() || !state.waiting_writers.is_empty() {' 'if !state.waiting_readers.is_empty() {' model_sync lock
mutate $rwlock 1 'if !state.waiting_readers.is_empty() || !state.waiting_writers.is_empty() {' 'if !state.waiting_writers.is_empty() {' model_sync lock
# Its futures: one that leaves gives back what it was given, and lets in those whom it held up.
mutate $rwlock_op 1 'self.0.raw.release_read();' '' model_future a_right
mutate $rwlock_op 1 'self.0.raw.return_write();' '' model_future a_right
mutate $rwlock 1 'self.settle(state);' '' model_future lets_readers_in
# Barrier: one that leaves is not counted, one for whom all have come goes on.
mutate $barrier 1 'state.arrived -= usize::from(!passed);' '' model_future barrier
mutate $barrier 1 'self.leave(state).or_else(|| self.try_now(by, seat))' '{ drop(state); self.try_now(by, seat) }' model_future barrier
# Semaphore: permits are counted if and when they are handed over; a request that leaves lets in
# those whom it held up.
mutate $semaphore 1 'self.permits.semaphore().settle(state);' 'drop(state);' model_sync big_request
mutate $semaphore 1 'state.permits -= n;' '' model_sync permit
mutate $semaphore 1 'self.permits -= n;' '' model_sync permit
mutate $semaphore 1 'if let Some(Some(wake)) = state.waiters.grant_first() {' 'state.permits -= n; if let Some(Some(wake)) = state.waiters.grant_first() { state.permits += n;' model_sync permit
mutate $semaphore 1 'self.settle(state);' 'drop(state);' model_sync permit
# Condvar: registered before the mutex is unlocked; a notification is not lost in the mutex.
mutate $condvar 1 'let notified = park::wait_after(&self.waiters, raw, deadline, unlock);' 'unlock().into_iter().for_each(crate::wait::Wake::fire); let notified = park::wait_after(&self.waiters, raw, deadline, || None);' model_sync notification
mutate $condvar 1 'shield(|| match' '(|f: &dyn Fn()| f())(&|| match' model_sync notification
# Notify: a notification that ended no wait stays.
mutate $notify 1 'state.token = true;' '' model_sync notification_ends
mutate $notify 1 'Some(None) => {}' 'Some(None) => break None,' model_sync notification_ends
# Once: the state carries what was done, and all are woken.
mutate $once 1 'self.once.state.store(state, Ordering::Release);' 'self.once.state.store(state, Ordering::Relaxed);' model_sync once
mutate $once 1 'self.once.waiters.wake_all();' '' model_sync once
mutate $once 1 'wait_until("once", &self.waiters, Deadline::NEVER, has_ended);' '{ let _ = has_ended; wait_until("once", &self.waiters, Deadline::NEVER, || false); }' model_sync once
# Oneshot: whoever goes wakes the other side.
mutate $oneshot 1 'leave_and_wake(&self.0, state);' 'drop(state);' model_sync value
mutate $oneshot 2 'leave_and_wake(&self.0, state);' 'drop(state);' model_sync receiver_has_gone

if [ "$failures" -gt 0 ]; then
    echo "$failures rows need a look"
    exit 1
fi
