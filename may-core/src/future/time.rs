//! Times for futures.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use crate::operation::OpFuture;
use crate::time::{After, Elapsed};
use crate::util::clock::Deadline;

/// Ready at a time; from [`sleep`] and [`sleep_until`].
pub type Sleep = OpFuture<After>;

/// A future that is ready `duration` after this call. The duration may be any; `Duration::MAX` is
/// never over.
///
/// The timer is in the wheel of a worker: of the one on which it is polled, or of any of the
/// default runtime.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use may::future::{block_on, sleep};
///
/// let start = Instant::now();
/// block_on(sleep(Duration::from_millis(1)));
/// assert!(start.elapsed() >= Duration::from_millis(1));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    OpFuture::new(After::new(Deadline::after(duration)))
}

/// A future that is ready at `deadline`.
pub fn sleep_until(deadline: Instant) -> Sleep {
    OpFuture::new(After::new(Deadline::at(deadline)))
}

/// A future that is ready when `future` is, or `duration` after this call: then `future` is
/// dropped.
///
/// The counterpart of [`time::timeout`](crate::time::timeout()) for futures. If both are ready at
/// the same time `future` counts.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use may::{channel, future::{block_on, timeout}};
///
/// let (_sender, receiver) = channel::bounded::<u32>(1);
/// let answer = block_on(timeout(Duration::from_millis(1), receiver.recv_async()));
/// assert!(answer.is_err());
/// ```
pub fn timeout<F: IntoFuture>(
    duration: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    limited(future.into_future(), sleep(duration))
}

/// As [`timeout`], until `deadline`.
pub fn timeout_at<F: IntoFuture>(
    deadline: Instant,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    limited(future.into_future(), sleep_until(deadline))
}

/// Polls one future, then the other. When the time is over a last poll decides: the future may have
/// been pending only to let others run, or have become ready just now.
async fn limited<F: Future>(future: F, sleep: Sleep) -> Result<F::Output, Elapsed> {
    let (mut future, mut sleep) = (pin!(future), pin!(sleep));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => Err(Elapsed::new()),
        })
    })
    .await
}
