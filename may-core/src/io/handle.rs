//! What all types of sockets have in common: handles that share one descriptor, taking over std's
//! sockets and giving them back, and the methods and traits that are the same for all, by macros.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::descriptor::{Descriptor, Polled};
use crate::reactor::Direction;
use crate::sys::{descriptor, socket};

/// One of any number of handles of a socket, which is closed with the last of them. `T` is std's
/// type for it.
pub(crate) struct Handle<T: AsFd>(Arc<Descriptor<T>>);

impl<T: AsFd> Handle<T> {
    /// The first handle of a socket that has been made for this, in non-blocking mode.
    pub(crate) fn prepared(socket: T) -> Handle<T> {
        Handle(Arc::new(Descriptor::new(socket)))
    }

    /// Takes a socket over as it is, with its timeouts.
    ///
    /// Errors mean that the descriptor is no such socket; each later call will say so.
    pub(crate) fn adopt(socket: T) -> Handle<T> {
        let mode_is_ours = descriptor::is_mode_ours(socket.as_fd());
        if mode_is_ours {
            let _ = socket::set_nonblocking(socket.as_fd(), true);
        }
        socket::suppress_sigpipe(&socket);
        let timeouts = socket::timeouts(socket.as_fd()).unwrap_or_default();
        let handle = Handle::prepared(socket);
        if !mode_is_ours {
            handle.set_may_block();
        }
        for (direction, timeout) in [Direction::Read, Direction::Write]
            .into_iter()
            .zip(timeouts)
        {
            if timeout.is_some() {
                let _ = handle.set_timeout(direction, timeout);
            }
        }
        handle
    }

    /// Gives the socket away as std would have left it: in blocking mode unless the user asked for
    /// the other, and with its timeouts.
    ///
    /// # Errors
    ///
    /// If there are other handles, the socket is duplicated, for which there may be no descriptor
    /// left.
    pub(crate) fn release(self) -> io::Result<T>
    where
        T: From<OwnedFd>,
    {
        let nonblocking = self.is_nonblocking();
        let timeouts = [Direction::Read, Direction::Write].map(|direction| self.timeout(direction));
        let socket = match Arc::try_unwrap(self.0) {
            Ok(descriptor) => descriptor.into_inner(),
            Err(shared) => {
                let duplicate = shared.get().as_fd().try_clone_to_owned()?;
                // The mode that is set below is the other handles', too.
                shared.set_may_block();
                T::from(duplicate)
            }
        };
        // What fails here fails for what is no socket.
        if descriptor::is_mode_ours(socket.as_fd()) {
            let _ = socket::set_nonblocking(socket.as_fd(), nonblocking);
        }
        // Also if there are none now: it may have been taken over with some.
        let _ = socket::set_timeouts(socket.as_fd(), timeouts);
        Ok(socket)
    }
}

impl<T: AsFd> Clone for Handle<T> {
    fn clone(&self) -> Handle<T> {
        Handle(self.0.clone())
    }
}

impl<T: AsFd> Deref for Handle<T> {
    type Target = Descriptor<T>;

    #[inline]
    fn deref(&self) -> &Descriptor<T> {
        &self.0
    }
}

impl<T: AsFd> AsRef<Polled> for Handle<T> {
    fn as_ref(&self) -> &Polled {
        self.polled()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// What every type of socket has: `$type` has a field `descriptor`, a [`Handle`] of std's `$std`;
/// the example `$make` makes one, called `socket`.
macro_rules! socket_type {
    ($type:ident, $std:ty, $make:literal) => {
        impl $type {
            /// Another handle of the same socket. Timeouts and the non-blocking setting are common
            /// to all, as they are with std.
            ///
            /// No descriptor is duplicated, so this never fails, and all handles have the same
            /// number.
            ///
            /// # Errors
            ///
            /// None; the type is std's.
            ///
            /// # Examples
            ///
            /// ```
            /// use std::os::fd::AsRawFd;
            ///
            #[doc = $make]
            /// let clone = socket.try_clone()?;
            /// assert_eq!(clone.as_raw_fd(), socket.as_raw_fd());
            /// # std::io::Result::Ok(())
            /// ```
            pub fn try_clone(&self) -> std::io::Result<$type> {
                Ok(self.clone())
            }

            /// The error that waits on the socket (`SO_ERROR`), which this takes away.
            ///
            /// # Errors
            ///
            /// What the operating system says.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = $make]
            /// assert!(socket.take_error()?.is_none());
            /// # std::io::Result::Ok(())
            /// ```
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                $crate::sys::socket::take_error(std::os::fd::AsFd::as_fd(self))
            }

            /// Sets whether calls that would have to wait fail with
            /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) instead. What waits at the moment
            /// fails, too. Connections that are accepted do not inherit it.
            ///
            /// # Errors
            ///
            /// None; the type is std's.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = $make]
            /// socket.set_nonblocking(true)?;
            /// # std::io::Result::Ok(())
            /// ```
            pub fn set_nonblocking(&self, nonblocking: bool) -> std::io::Result<()> {
                self.descriptor.set_nonblocking(nonblocking);
                Ok(())
            }

            /// The socket.
            fn inner(&self) -> &$std {
                self.descriptor.get()
            }
        }

        // A panic that unwinds out of a call leaves the socket as good as before: no call
        // changes it halfway.
        impl std::panic::UnwindSafe for $type {}
        impl std::panic::RefUnwindSafe for $type {}

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.descriptor.fmt(f)
            }
        }

        impl std::os::fd::AsFd for $type {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.inner().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.inner().as_raw_fd()
            }
        }

        impl std::os::fd::FromRawFd for $type {
            unsafe fn from_raw_fd(fd: std::os::fd::RawFd) -> $type {
                // SAFETY: (system calls) the caller owns the descriptor, as the trait asks.
                $type::from(unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) })
            }
        }

        impl std::os::fd::IntoRawFd for $type {
            /// # Panics
            ///
            /// If there are clones and the process has no descriptor left for a duplicate.
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                std::os::fd::OwnedFd::from(self).into_raw_fd()
            }
        }

        impl From<std::os::fd::OwnedFd> for $type {
            fn from(owned: std::os::fd::OwnedFd) -> $type {
                $type {
                    descriptor: $crate::io::handle::Handle::adopt(<$std>::from(owned)),
                }
            }
        }

        impl From<$type> for std::os::fd::OwnedFd {
            /// # Panics
            ///
            /// If there are clones and the process has no descriptor left for a duplicate.
            /// `try_from` of std's type returns an error then.
            fn from(socket: $type) -> std::os::fd::OwnedFd {
                match socket.descriptor.release() {
                    Ok(socket) => socket.into(),
                    Err(error) => {
                        panic!("a socket that has clones could not be duplicated: {error}")
                    }
                }
            }
        }

        impl TryFrom<$std> for $type {
            type Error = std::io::Error;

            /// # Errors
            ///
            /// None at present.
            fn try_from(socket: $std) -> std::io::Result<$type> {
                Ok($type {
                    descriptor: $crate::io::handle::Handle::adopt(socket),
                })
            }
        }

        impl TryFrom<$type> for $std {
            type Error = std::io::Error;

            /// # Errors
            ///
            /// If there are clones and the process has no descriptor left for a duplicate.
            fn try_from(socket: $type) -> std::io::Result<$std> {
                socket.descriptor.release()
            }
        }
    };
}
pub(crate) use socket_type;

/// What sockets have that move data: as [`socket_type!`].
macro_rules! socket_timeouts {
    ($type:ident, $make:literal) => {
        impl $type {
            /// Sets for how long a call that reads may wait; `None`, as it is at first, for as long
            /// as it takes. Holds for calls that begin after this. Any duration will do, from a
            /// nanosecond to `Duration::MAX`.
            ///
            /// A call whose timeout has elapsed fails with the error that it has in std: on Unix of
            /// the kind [`WouldBlock`](std::io::ErrorKind::WouldBlock).
            ///
            /// # Errors
            ///
            /// `InvalidInput` for a timeout of zero.
            ///
            /// # Examples
            ///
            /// ```
            /// use std::time::Duration;
            ///
            #[doc = $make]
            /// socket.set_read_timeout(Some(Duration::from_micros(500)))?;
            /// assert_eq!(socket.read_timeout()?, Some(Duration::from_micros(500)));
            /// assert_eq!(socket.write_timeout()?, None);
            /// # std::io::Result::Ok(())
            /// ```
            pub fn set_read_timeout(
                &self,
                timeout: Option<std::time::Duration>,
            ) -> std::io::Result<()> {
                self.descriptor
                    .set_timeout($crate::reactor::Direction::Read, timeout)
            }

            #[doc = concat!("Sets for how long a call that writes may wait; otherwise as [`set_read_timeout`](", stringify!($type),
                "::set_read_timeout).")]
            ///
            /// # Errors
            ///
            /// `InvalidInput` for a timeout of zero.
            ///
            /// # Examples
            ///
            #[doc = concat!("See [`set_read_timeout`](", stringify!($type), "::set_read_timeout).")]
            pub fn set_write_timeout(
                &self,
                timeout: Option<std::time::Duration>,
            ) -> std::io::Result<()> {
                self.descriptor
                    .set_timeout($crate::reactor::Direction::Write, timeout)
            }

            /// For how long a call that reads may wait.
            ///
            /// # Errors
            ///
            /// None; the type is std's.
            ///
            /// # Examples
            ///
            #[doc = concat!("See [`set_read_timeout`](", stringify!($type), "::set_read_timeout).")]
            pub fn read_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                Ok(self.descriptor.timeout($crate::reactor::Direction::Read))
            }

            /// For how long a call that writes may wait.
            ///
            /// # Errors
            ///
            /// None; the type is std's.
            ///
            /// # Examples
            ///
            #[doc = concat!("See [`set_read_timeout`](", stringify!($type), "::set_read_timeout).")]
            pub fn write_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                Ok(self.descriptor.timeout($crate::reactor::Direction::Write))
            }
        }
    };
}
pub(crate) use socket_timeouts;

/// What sockets have whose directions can be closed; `$read` is the call of `socket` that reads,
/// otherwise as [`socket_type!`].
macro_rules! socket_shutdown {
    ($type:ident, $make:literal, $read:literal) => {
        impl $type {
            /// Closes the connection for reading, writing or both. What waits for it, here or
            /// through a clone, is woken: readers find the end of the stream.
            ///
            /// # Errors
            ///
            /// `NotConnected` if there is no connection.
            ///
            /// # Examples
            ///
            /// ```
            /// use std::net::Shutdown;
            ///
            #[doc = $make]
            /// let clone = socket.try_clone()?;
            #[doc = concat!("let reader = may::coroutine::spawn(move || ", $read, ");")]
            /// clone.shutdown(Shutdown::Both)?;
            /// assert_eq!(reader.join().unwrap()?, 0);
            /// # std::io::Result::Ok(())
            /// ```
            pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                $crate::sys::socket::shutdown(std::os::fd::AsFd::as_fd(self), how)?;
                // Not every system has an event for that.
                self.descriptor.recheck();
                Ok(())
            }
        }
    };
}
pub(crate) use socket_shutdown;
