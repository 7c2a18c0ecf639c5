//! A table of everything that is stable in `std::net` for TCP and UDP, checked against std's types
//! and against ours: whatever is a row here compiles for both.

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use may_tests::{function, implements};

/// Checks the table for the module at a path.
macro_rules! surface {
    ($test:ident, $($net:ident)::+) => {
        #[test]
        #[allow(deprecated)]
        fn $test() {
            use $($net)::+::*;

            function!(TcpStream::connect [SocketAddr]: fn(SocketAddr) -> io::Result<TcpStream>);
            function!(TcpStream::connect [&str]: fn(&'static str) -> io::Result<TcpStream>);
            function!(TcpStream::connect_timeout []: fn(&SocketAddr, Duration) -> io::Result<TcpStream>);
            function!(TcpStream::peer_addr []: fn(&TcpStream) -> io::Result<SocketAddr>);
            function!(TcpStream::local_addr []: fn(&TcpStream) -> io::Result<SocketAddr>);
            function!(TcpStream::shutdown []: fn(&TcpStream, Shutdown) -> io::Result<()>);
            function!(TcpStream::try_clone []: fn(&TcpStream) -> io::Result<TcpStream>);
            function!(TcpStream::set_read_timeout []: fn(&TcpStream, Option<Duration>) -> io::Result<()>);
            function!(TcpStream::set_write_timeout []: fn(&TcpStream, Option<Duration>) -> io::Result<()>);
            function!(TcpStream::read_timeout []: fn(&TcpStream) -> io::Result<Option<Duration>>);
            function!(TcpStream::write_timeout []: fn(&TcpStream) -> io::Result<Option<Duration>>);
            function!(TcpStream::peek []: fn(&TcpStream, &mut [u8]) -> io::Result<usize>);
            function!(TcpStream::set_nodelay []: fn(&TcpStream, bool) -> io::Result<()>);
            function!(TcpStream::nodelay []: fn(&TcpStream) -> io::Result<bool>);
            function!(TcpStream::set_ttl []: fn(&TcpStream, u32) -> io::Result<()>);
            function!(TcpStream::ttl []: fn(&TcpStream) -> io::Result<u32>);
            function!(TcpStream::take_error []: fn(&TcpStream) -> io::Result<Option<io::Error>>);
            function!(TcpStream::set_nonblocking []: fn(&TcpStream, bool) -> io::Result<()>);

            function!(TcpListener::bind [SocketAddr]: fn(SocketAddr) -> io::Result<TcpListener>);
            function!(TcpListener::bind [(&str, u16)]: fn((&'static str, u16)) -> io::Result<TcpListener>);
            function!(TcpListener::local_addr []: fn(&TcpListener) -> io::Result<SocketAddr>);
            function!(TcpListener::try_clone []: fn(&TcpListener) -> io::Result<TcpListener>);
            function!(TcpListener::accept []: fn(&TcpListener) -> io::Result<(TcpStream, SocketAddr)>);
            function!(TcpListener::incoming []: for<'a> fn(&'a TcpListener) -> Incoming<'a>);
            function!(TcpListener::set_ttl []: fn(&TcpListener, u32) -> io::Result<()>);
            function!(TcpListener::ttl []: fn(&TcpListener) -> io::Result<u32>);
            function!(TcpListener::set_only_v6 []: fn(&TcpListener, bool) -> io::Result<()>);
            function!(TcpListener::only_v6 []: fn(&TcpListener) -> io::Result<bool>);
            function!(TcpListener::take_error []: fn(&TcpListener) -> io::Result<Option<io::Error>>);
            function!(TcpListener::set_nonblocking []: fn(&TcpListener, bool) -> io::Result<()>);

            function!(UdpSocket::bind [SocketAddr]: fn(SocketAddr) -> io::Result<UdpSocket>);
            function!(UdpSocket::bind [(&str, u16)]: fn((&'static str, u16)) -> io::Result<UdpSocket>);
            function!(UdpSocket::recv_from []: fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, SocketAddr)>);
            function!(UdpSocket::peek_from []: fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, SocketAddr)>);
            function!(UdpSocket::send_to [&str]: fn(&UdpSocket, &[u8], &'static str) -> io::Result<usize>);
            function!(UdpSocket::send_to [SocketAddr]: fn(&UdpSocket, &[u8], SocketAddr) -> io::Result<usize>);
            function!(UdpSocket::peer_addr []: fn(&UdpSocket) -> io::Result<SocketAddr>);
            function!(UdpSocket::local_addr []: fn(&UdpSocket) -> io::Result<SocketAddr>);
            function!(UdpSocket::try_clone []: fn(&UdpSocket) -> io::Result<UdpSocket>);
            function!(UdpSocket::set_read_timeout []: fn(&UdpSocket, Option<Duration>) -> io::Result<()>);
            function!(UdpSocket::set_write_timeout []: fn(&UdpSocket, Option<Duration>) -> io::Result<()>);
            function!(UdpSocket::read_timeout []: fn(&UdpSocket) -> io::Result<Option<Duration>>);
            function!(UdpSocket::write_timeout []: fn(&UdpSocket) -> io::Result<Option<Duration>>);
            function!(UdpSocket::set_broadcast []: fn(&UdpSocket, bool) -> io::Result<()>);
            function!(UdpSocket::broadcast []: fn(&UdpSocket) -> io::Result<bool>);
            function!(UdpSocket::set_multicast_loop_v4 []: fn(&UdpSocket, bool) -> io::Result<()>);
            function!(UdpSocket::multicast_loop_v4 []: fn(&UdpSocket) -> io::Result<bool>);
            function!(UdpSocket::set_multicast_ttl_v4 []: fn(&UdpSocket, u32) -> io::Result<()>);
            function!(UdpSocket::multicast_ttl_v4 []: fn(&UdpSocket) -> io::Result<u32>);
            function!(UdpSocket::set_multicast_loop_v6 []: fn(&UdpSocket, bool) -> io::Result<()>);
            function!(UdpSocket::multicast_loop_v6 []: fn(&UdpSocket) -> io::Result<bool>);
            function!(UdpSocket::set_ttl []: fn(&UdpSocket, u32) -> io::Result<()>);
            function!(UdpSocket::ttl []: fn(&UdpSocket) -> io::Result<u32>);
            function!(UdpSocket::join_multicast_v4 []: fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> io::Result<()>);
            function!(UdpSocket::join_multicast_v6 []: fn(&UdpSocket, &Ipv6Addr, u32) -> io::Result<()>);
            function!(UdpSocket::leave_multicast_v4 []: fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> io::Result<()>);
            function!(UdpSocket::leave_multicast_v6 []: fn(&UdpSocket, &Ipv6Addr, u32) -> io::Result<()>);
            function!(UdpSocket::take_error []: fn(&UdpSocket) -> io::Result<Option<io::Error>>);
            function!(UdpSocket::connect [SocketAddr]: fn(&UdpSocket, SocketAddr) -> io::Result<()>);
            function!(UdpSocket::send []: fn(&UdpSocket, &[u8]) -> io::Result<usize>);
            function!(UdpSocket::recv []: fn(&UdpSocket, &mut [u8]) -> io::Result<usize>);
            function!(UdpSocket::peek []: fn(&UdpSocket, &mut [u8]) -> io::Result<usize>);
            function!(UdpSocket::set_nonblocking []: fn(&UdpSocket, bool) -> io::Result<()>);

            implements!(UdpSocket: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug);
            implements!(UdpSocket: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>);
            implements!(TcpStream: Read + Write + Debug);
            implements!(&'static TcpStream: Read + Write);
            implements!(TcpStream: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);
            implements!(TcpStream: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>);
            implements!(TcpListener: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug);
            implements!(TcpListener: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>);
            implements!(Incoming<'static>: Iterator<Item = io::Result<TcpStream>> + FusedIterator + Debug);
            implements!(Incoming<'static>: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe);

            implements!(SocketAddr: ToSocketAddrs);
            implements!(SocketAddrV4: ToSocketAddrs);
            implements!(SocketAddrV6: ToSocketAddrs);
            implements!((IpAddr, u16): ToSocketAddrs);
            implements!((Ipv4Addr, u16): ToSocketAddrs);
            implements!((Ipv6Addr, u16): ToSocketAddrs);
            implements!(str: ToSocketAddrs);
            implements!(&'static str: ToSocketAddrs);
            implements!(String: ToSocketAddrs);
            implements!(&'static String: ToSocketAddrs);
            implements!((&'static str, u16): ToSocketAddrs);
            implements!((String, u16): ToSocketAddrs);
            implements!(&'static [SocketAddr]: ToSocketAddrs);
            implements!(AddrParseError: Debug);
        }
    };
}

surface!(std_has_it, std::net);
surface!(may_has_it, may::net);

#[test]
fn programs_written_against_either_compile_with_both() {
    /// The body of a program that names its imports only once.
    macro_rules! program {
        ($($net:ident)::+) => {{
            use $($net)::+::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};

            /// An address of the program's own.
            struct Service(u16);
            impl ToSocketAddrs for Service {
                type Iter = std::vec::IntoIter<SocketAddr>;
                fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                    Ok(vec![([127, 0, 0, 1], self.0).into()].into_iter())
                }
            }
            fn open<A: ToSocketAddrs>(address: A) -> io::Result<TcpStream> {
                TcpStream::connect(address)
            }

            let listener = TcpListener::bind(Service(0)).unwrap();
            let client = open(Service(listener.local_addr().unwrap().port())).unwrap();
            let server = listener.incoming().next().unwrap().unwrap();
            io::copy(&mut io::repeat(b'x').take(1000), &mut &client).unwrap();
            drop(client);
            let mut lines = io::BufReader::new(server);
            assert_eq!(io::copy(&mut lines, &mut io::sink()).unwrap(), 1000);
        }};
    }
    program!(std::net);
    program!(may::net);
}
