//! A server that cannot be reached for a while.

use std::time::Duration;

use may::coroutine;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};

use crate::redis::{Connection, Pool};

/// The pauses between attempts grow from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Makes a request, and again for as long as the server cannot be reached. The request may have
/// been carried out although its answer was lost, so it must be one for which a second time does no
/// harm.
///
/// # Errors
///
/// What the server says of the request itself.
///
/// # Cancellation
///
/// A cancelled coroutine unwinds while it waits.
pub(super) fn patiently<T>(
    pool: &Pool,
    mut request: impl FnMut(&mut Connection) -> RedisResult<T>,
) -> RedisResult<T> {
    let mut pause = PAUSE.0;
    loop {
        match pool
            .get()
            .and_then(|mut connection| request(&mut connection))
        {
            Err(error) if will_pass(&error) => {
                if pause == PAUSE.0 {
                    eprintln!("redis: {error}; trying again");
                }
                coroutine::sleep(pause);
                pause = (pause * 2).min(PAUSE.1);
            }
            result => return result,
        }
    }
}

/// Says whether an error is about the way to the server or its state, and not about the request.
fn will_pass(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::TryAgain
            )
        )
}
