//! A table of everything that is stable in `std::os::unix::net`, checked against std's types and
//! against ours: whatever is a row here compiles for both.

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::time::Duration;

use may_tests::{function, implements, same};

/// Checks the table for the module at a path.
macro_rules! surface {
    ($test:ident, $($net:ident)::+) => {
        #[test]
        fn $test() {
            use $($net)::+::*;

            function!(UnixStream::connect [&Path]: fn(&'static Path) -> io::Result<UnixStream>);
            function!(UnixStream::connect [&str]: fn(&'static str) -> io::Result<UnixStream>);
            function!(UnixStream::connect_addr []: fn(&SocketAddr) -> io::Result<UnixStream>);
            function!(UnixStream::pair []: fn() -> io::Result<(UnixStream, UnixStream)>);
            function!(UnixStream::try_clone []: fn(&UnixStream) -> io::Result<UnixStream>);
            function!(UnixStream::local_addr []: fn(&UnixStream) -> io::Result<SocketAddr>);
            function!(UnixStream::peer_addr []: fn(&UnixStream) -> io::Result<SocketAddr>);
            function!(UnixStream::set_read_timeout []: fn(&UnixStream, Option<Duration>) -> io::Result<()>);
            function!(UnixStream::set_write_timeout []: fn(&UnixStream, Option<Duration>) -> io::Result<()>);
            function!(UnixStream::read_timeout []: fn(&UnixStream) -> io::Result<Option<Duration>>);
            function!(UnixStream::write_timeout []: fn(&UnixStream) -> io::Result<Option<Duration>>);
            function!(UnixStream::set_nonblocking []: fn(&UnixStream, bool) -> io::Result<()>);
            function!(UnixStream::take_error []: fn(&UnixStream) -> io::Result<Option<io::Error>>);
            function!(UnixStream::shutdown []: fn(&UnixStream, Shutdown) -> io::Result<()>);

            function!(UnixListener::bind [&Path]: fn(&'static Path) -> io::Result<UnixListener>);
            function!(UnixListener::bind_addr []: fn(&SocketAddr) -> io::Result<UnixListener>);
            function!(UnixListener::accept []: fn(&UnixListener) -> io::Result<(UnixStream, SocketAddr)>);
            function!(UnixListener::try_clone []: fn(&UnixListener) -> io::Result<UnixListener>);
            function!(UnixListener::local_addr []: fn(&UnixListener) -> io::Result<SocketAddr>);
            function!(UnixListener::set_nonblocking []: fn(&UnixListener, bool) -> io::Result<()>);
            function!(UnixListener::take_error []: fn(&UnixListener) -> io::Result<Option<io::Error>>);
            function!(UnixListener::incoming []: for<'a> fn(&'a UnixListener) -> Incoming<'a>);

            function!(UnixDatagram::bind [&Path]: fn(&'static Path) -> io::Result<UnixDatagram>);
            function!(UnixDatagram::bind_addr []: fn(&SocketAddr) -> io::Result<UnixDatagram>);
            function!(UnixDatagram::unbound []: fn() -> io::Result<UnixDatagram>);
            function!(UnixDatagram::pair []: fn() -> io::Result<(UnixDatagram, UnixDatagram)>);
            function!(UnixDatagram::connect [&Path]: fn(&UnixDatagram, &'static Path) -> io::Result<()>);
            function!(UnixDatagram::connect_addr []: fn(&UnixDatagram, &SocketAddr) -> io::Result<()>);
            function!(UnixDatagram::try_clone []: fn(&UnixDatagram) -> io::Result<UnixDatagram>);
            function!(UnixDatagram::local_addr []: fn(&UnixDatagram) -> io::Result<SocketAddr>);
            function!(UnixDatagram::peer_addr []: fn(&UnixDatagram) -> io::Result<SocketAddr>);
            function!(UnixDatagram::recv_from []: fn(&UnixDatagram, &mut [u8]) -> io::Result<(usize, SocketAddr)>);
            function!(UnixDatagram::recv []: fn(&UnixDatagram, &mut [u8]) -> io::Result<usize>);
            function!(UnixDatagram::send_to [&Path]: fn(&UnixDatagram, &[u8], &'static Path) -> io::Result<usize>);
            function!(UnixDatagram::send_to_addr []: fn(&UnixDatagram, &[u8], &SocketAddr) -> io::Result<usize>);
            function!(UnixDatagram::send []: fn(&UnixDatagram, &[u8]) -> io::Result<usize>);
            function!(UnixDatagram::set_read_timeout []: fn(&UnixDatagram, Option<Duration>) -> io::Result<()>);
            function!(UnixDatagram::set_write_timeout []: fn(&UnixDatagram, Option<Duration>) -> io::Result<()>);
            function!(UnixDatagram::read_timeout []: fn(&UnixDatagram) -> io::Result<Option<Duration>>);
            function!(UnixDatagram::write_timeout []: fn(&UnixDatagram) -> io::Result<Option<Duration>>);
            function!(UnixDatagram::set_nonblocking []: fn(&UnixDatagram, bool) -> io::Result<()>);
            function!(UnixDatagram::take_error []: fn(&UnixDatagram) -> io::Result<Option<io::Error>>);
            function!(UnixDatagram::shutdown []: fn(&UnixDatagram, Shutdown) -> io::Result<()>);

            implements!(UnixStream: Read + Write + Debug);
            implements!(&'static UnixStream: Read + Write);
            implements!(UnixStream: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(UnixStream: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>);
            implements!(UnixListener: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug);
            implements!(UnixListener: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>);
            implements!(&'static UnixListener: IntoIterator<Item = io::Result<UnixStream>, IntoIter = Incoming<'static>>);
            implements!(Incoming<'static>: Iterator<Item = io::Result<UnixStream>> + Debug);
            implements!(Incoming<'static>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(UnixDatagram: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug);
            implements!(UnixDatagram: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>);

            same!(SocketAddr = std::os::unix::net::SocketAddr);
        }
    };
}

surface!(std_has_it, std::os::unix::net);
surface!(may_has_it, may::os::unix::net);

#[test]
fn the_abstract_addresses_of_linux_are_under_std_s_path() {
    use may::os::linux::net::SocketAddrExt;
    use may::os::unix::net::SocketAddr;

    let address = SocketAddr::from_abstract_name(b"name").unwrap();
    assert_eq!(address.as_abstract_name(), Some(&b"name"[..]));
}
