//! Coroutine-local storage: `coroutine_local!` and its keys.
//!
//! A key gets a small number when it is first used; the values of a coroutine are a vector indexed
//! by it, made when the coroutine first touches a key. They are dropped by the coroutine on its own
//! stack when it ends (R1), newest first as std does, each under `catch_unwind`. On a plain thread
//! a key is an ordinary thread local.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::header::Header;

/// A coroutine-local storage key: each coroutine, and each plain thread, has a value of its own
/// behind it.
///
/// Made by [`coroutine_local!`](crate::coroutine_local); the methods are those of
/// `std::thread::LocalKey`.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// may::coroutine_local! {
///     static REQUEST: Cell<u64> = const { Cell::new(0) };
/// }
///
/// REQUEST.set(7);
/// let other = may::coroutine::spawn(|| REQUEST.get()).join().unwrap();
/// assert_eq!((REQUEST.get(), other), (7, 0));
/// ```
pub struct LocalKey<T: 'static> {
    /// The number of the key plus one, zero before the first use.
    number: AtomicUsize,
    /// Makes the value at its first use.
    initialize: fn() -> T,
    /// The value of a plain thread.
    on_thread: &'static thread::LocalKey<OnThread<T>>,
}

/// The value of a plain thread, made like a coroutine's: by the first access, or by `set` before
/// it.
#[doc(hidden)]
pub struct OnThread<T>(std::cell::OnceCell<T>);

impl<T> OnThread<T> {
    /// A value that is not there yet.
    #[doc(hidden)]
    #[must_use]
    pub const fn new() -> OnThread<T> {
        OnThread(std::cell::OnceCell::new())
    }
}

impl<T> Default for OnThread<T> {
    fn default() -> OnThread<T> {
        OnThread::new()
    }
}

impl<T> fmt::Debug for OnThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnThread").finish_non_exhaustive()
    }
}

/// The error of [`LocalKey::try_with`]: the value is being dropped, or has been.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessError")
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine-local value is being dropped or was dropped already")
    }
}

impl std::error::Error for AccessError {}

/// One value of a coroutine.
#[derive(Clone, Copy)]
enum Slot {
    /// Not made yet.
    Vacant,
    /// Made; the address and what drops it.
    Value(NonNull<u8>, unsafe fn(NonNull<u8>)),
    /// Being dropped, or dropped.
    Dropped,
}

/// The values of a coroutine.
#[derive(Default)]
pub(crate) struct Locals {
    /// Indexed by the number of the key.
    slots: Vec<Slot>,
    /// The numbers of the keys in the order in which the values were made.
    order: Vec<usize>,
}

/// Runs `f` on the values of the coroutine that runs on this thread; `f` is ours and calls no user
/// code.
fn with_locals<R>(header: &Header, f: impl FnOnce(&mut Locals) -> R) -> R {
    if header.locals.get().is_null() {
        header.locals.set(Box::into_raw(Box::default()));
    }
    // SAFETY: (R5) only the coroutine itself reaches its values, and no reference outlives `f`.
    f(unsafe { &mut *header.locals.get() })
}

/// Where the values of a coroutine were that has dropped them. What runs after that, the destructor
/// of a result that is never taken for example, finds no value and makes none, since that would
/// never be dropped.
fn destroyed() -> *mut Locals {
    ptr::without_provenance_mut(1)
}

/// Drops the values of a coroutine. On its own stack, at its end.
#[inline]
pub(crate) fn destroy(header: &Header) {
    if header.locals.get().is_null() {
        header.locals.set(destroyed());
    } else {
        destroy_values(header);
    }
}

/// The half of [`destroy`] for a coroutine that has used a key.
#[cold]
fn destroy_values(header: &Header) {
    // A destructor may use other keys, and so make new values; each key is made and dropped at most
    // once.
    while let Some((address, drop_value)) = with_locals(header, |locals| {
        let number = locals.order.pop()?;
        match std::mem::replace(&mut locals.slots[number], Slot::Dropped) {
            Slot::Value(address, drop_value) => Some((address, drop_value)),
            Slot::Vacant | Slot::Dropped => unreachable!("only keys with a value are in order"),
        }
    }) {
        // A panic has been reported by the hook; it must not keep the other values from being
        // dropped.
        // SAFETY: (R1) the slot was taken out, so this happens once.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| unsafe { drop_value(address) })) {
            // The payload's own destructor may panic, too; somewhere this must end.
            std::mem::forget(payload);
        }
    }
    let locals = header.locals.replace(destroyed());
    // SAFETY: (R5) it was made by `with_locals`, and nothing refers to it.
    drop(unsafe { Box::from_raw(locals) });
}

impl<T: 'static> LocalKey<T> {
    /// For [`coroutine_local!`](crate::coroutine_local).
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        initialize: fn() -> T,
        on_thread: &'static thread::LocalKey<OnThread<T>>,
    ) -> LocalKey<T> {
        LocalKey {
            number: AtomicUsize::new(0),
            initialize,
            on_thread,
        }
    }

    /// The index of the key's values.
    fn number(&self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let number = self.number.load(Ordering::Relaxed);
        if number != 0 {
            return number - 1;
        }
        let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
        match self
            .number
            .compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => fresh - 1,
            Err(number) => number - 1,
        }
    }

    /// Runs `f` on the value, making it by `make` if it is not there; `make` is told whether it
    /// must be.
    fn try_with_or<R>(
        &'static self,
        make: impl FnOnce() -> T,
        f: impl FnOnce(&T) -> R,
    ) -> Result<R, AccessError> {
        let Some(coroutine) = Header::current() else {
            return self
                .on_thread
                .try_with(|value| f(value.0.get_or_init(make)))
                .map_err(|_| AccessError);
        };
        // SAFETY: (R1) the running coroutine's block lives while it runs.
        let header = unsafe { coroutine.as_ref() };
        if header.locals.get() == destroyed() {
            return Err(AccessError);
        }
        let number = self.number();
        let find = |locals: &mut Locals| locals.slots.get(number).copied().unwrap_or(Slot::Vacant);
        let address = match with_locals(header, find) {
            Slot::Value(address, _) => address.cast::<T>(),
            Slot::Dropped => return Err(AccessError),
            Slot::Vacant => {
                let value = make();
                // `make` may have used the key itself; then the value that it saw stays.
                match with_locals(header, find) {
                    Slot::Value(address, _) => address.cast::<T>(),
                    Slot::Dropped => return Err(AccessError),
                    Slot::Vacant => insert(header, number, value),
                }
            }
        };
        // SAFETY: (R1) the value lives until the coroutine drops it at its end, and is only shared.
        Ok(f(unsafe { address.as_ref() }))
    }

    /// Runs `f` on the value of this coroutine or thread, making it first if this is the first use.
    ///
    /// # Panics
    ///
    /// Panics if the value is being dropped or was dropped already, and when the coroutine has
    /// dropped all its values, as in the destructor of a result that is never taken;
    /// [`try_with`](Self::try_with) returns an error.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.try_with(f)
            .unwrap_or_else(|error| access_failed(error))
    }

    /// Like [`with`](Self::with), but with an error instead of a panic.
    ///
    /// # Errors
    ///
    /// [`AccessError`] if the value is being dropped or was dropped already, and when the coroutine
    /// has dropped all its values.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        self.try_with_or(self.initialize, f)
    }
}

/// Stores the first value of a key.
fn insert<T: 'static>(header: &Header, number: usize, value: T) -> NonNull<T> {
    /// Drops what `insert` has boxed.
    unsafe fn drop_value<T>(address: NonNull<u8>) {
        // SAFETY: (R1) the caller took the address out of its slot.
        drop(unsafe { Box::from_raw(address.cast::<T>().as_ptr()) });
    }
    let address = NonNull::from(Box::leak(Box::new(value)));
    with_locals(header, |locals| {
        if locals.slots.len() <= number {
            locals.slots.resize(number + 1, Slot::Vacant);
        }
        locals.slots[number] = Slot::Value(address.cast(), drop_value::<T>);
        locals.order.push(number);
    });
    address
}

/// The panic of the methods that do not return an error.
#[cold]
#[track_caller]
fn access_failed(error: AccessError) -> ! {
    panic!("cannot access a coroutine-local value in or after its destructor: {error}")
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Stores a value, without making the initial one if this is the first use.
    ///
    /// # Panics
    ///
    /// Panics like [`with`](LocalKey::with).
    pub fn set(&'static self, value: T) {
        let value = Cell::new(Some(value));
        // The first use takes the value into the cell that it makes; any other finds it still here.
        let result = self.try_with_or(
            || Cell::new(value.take().expect("the value is made once")),
            |cell| {
                if let Some(value) = value.take() {
                    cell.set(value);
                }
            },
        );
        result.unwrap_or_else(|error| access_failed(error));
    }

    /// Returns a copy of the value.
    ///
    /// # Panics
    ///
    /// Panics like [`with`](LocalKey::with).
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value, leaving the default of its type.
    ///
    /// # Panics
    ///
    /// Panics like [`with`](LocalKey::with).
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Stores a value and returns the one that was there.
    ///
    /// # Panics
    ///
    /// Panics like [`with`](LocalKey::with).
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Runs `f` on the borrowed value.
    ///
    /// # Panics
    ///
    /// Panics if the value is mutably borrowed, and like [`with`](LocalKey::with).
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Runs `f` on the mutably borrowed value.
    ///
    /// # Panics
    ///
    /// Panics if the value is borrowed, and like [`with`](LocalKey::with).
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Stores a value, without making the initial one if this is the first use.
    ///
    /// # Panics
    ///
    /// Panics if the value is borrowed, and like [`with`](LocalKey::with).
    pub fn set(&'static self, value: T) {
        let value = Cell::new(Some(value));
        let result = self.try_with_or(
            || RefCell::new(value.take().expect("the value is made once")),
            |cell| {
                if let Some(value) = value.take() {
                    *cell.borrow_mut() = value;
                }
            },
        );
        result.unwrap_or_else(|error| access_failed(error));
    }

    /// Takes the value, leaving the default of its type.
    ///
    /// # Panics
    ///
    /// Panics if the value is borrowed, and like [`with`](LocalKey::with).
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Stores a value and returns the one that was there.
    ///
    /// # Panics
    ///
    /// Panics if the value is borrowed, and like [`with`](LocalKey::with).
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// Declares coroutine-local values with the syntax of `thread_local!`.
///
/// Visibility, attributes, `const { .. }` initializers and several items at once are accepted. The
/// initializer runs on the coroutine (or plain thread) that first uses the value, and may block.
///
/// # Examples
///
/// ```
/// use std::cell::{Cell, RefCell};
///
/// may::coroutine_local! {
///     /// Words of the current request.
///     pub static WORDS: RefCell<Vec<String>> = RefCell::new(Vec::new());
///     static DEPTH: Cell<u32> = const { Cell::new(0) };
/// }
///
/// WORDS.with_borrow_mut(|words| words.push("hello".into()));
/// DEPTH.set(DEPTH.get() + 1);
/// ```
#[macro_export]
macro_rules! coroutine_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = const $init:block; $($rest:tt)*) => {
        $crate::coroutine_local!(@item [$(#[$attribute])*] [$visibility] $name, $type, const $init);
        $crate::coroutine_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = const $init:block) => {
        $crate::coroutine_local!(@item [$(#[$attribute])*] [$visibility] $name, $type, const $init);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr; $($rest:tt)*) => {
        $crate::coroutine_local!(@item [$(#[$attribute])*] [$visibility] $name, $type, $init);
        $crate::coroutine_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr) => {
        $crate::coroutine_local!(@item [$(#[$attribute])*] [$visibility] $name, $type, $init);
    };
    (@item [$(#[$attribute:meta])*] [$visibility:vis] $name:ident, $type:ty, $init:expr) => {
        $(#[$attribute])*
        $visibility static $name: $crate::coroutine::LocalKey<$type> = {
            fn initialize() -> $type {
                $init
            }
            ::std::thread_local! {
                static ON_THREAD: $crate::coroutine::OnThread<$type> =
                    const { $crate::coroutine::OnThread::new() };
            }
            $crate::coroutine::LocalKey::new(initialize, &ON_THREAD)
        };
    };
}
