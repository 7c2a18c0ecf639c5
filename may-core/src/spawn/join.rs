//! `join!`: several branches at once, each but the first in a coroutine of its own.

use super::call::CoroutineFn;
use super::scope::{ScopedJoinHandle, scope};
use crate::coroutine::unwinding;

/// A tuple of closures that run at the same time; what `join!` expands to.
pub trait Join {
    /// The tuple of the results.
    type Output;

    /// Runs all closures, and returns when all have ended.
    fn join(self) -> Self::Output;
}

/// The result of a branch; a panic in it goes on in the caller.
fn result<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|payload| unwinding::resume(payload))
}

/// Implements [`Join`] for tuples of one length.
macro_rules! tuple {
    ($first:ident $($other:ident)*) => {
        impl<$first, $($other,)*> Join for ($first, $($other,)*)
        where
            $first: CoroutineFn + Send,
            $($other: CoroutineFn + Send,)*
            $(<$other as CoroutineFn>::Output: Send,)*
        {
            type Output = (<$first as CoroutineFn>::Output, $(<$other as CoroutineFn>::Output,)*);

            #[expect(non_snake_case, reason = "each value is called like its type")]
            fn join(self) -> Self::Output {
                let ($first, $($other,)*) = self;
                scope(|_scope| {
                    $(let $other = _scope.spawn(|| $other.run());)*
                    let $first = $first.run();
                    ($first, $(result($other),)*)
                })
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
tuple!(A B C D E F G H I);
tuple!(A B C D E F G H I J);
tuple!(A B C D E F G H I J K);
tuple!(A B C D E F G H I J K L);
