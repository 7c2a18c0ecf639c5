//! The addresses of Unix sockets: std's and the system's.

#[cfg(any(target_os = "linux", target_os = "android"))]
use std::ffi::OsStr;
use std::io;
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use super::socket::Address;

/// The system's address for one of std's.
///
/// # Errors
///
/// `InvalidInput` if it has no name.
pub(crate) fn to_system(address: &SocketAddr) -> io::Result<Address> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        if let Some(name) = address.as_abstract_name() {
            let name = [b"\0", name].concat();
            return Address::unix(OsStr::from_bytes(&name));
        }
    }
    // No name is the empty path.
    Address::unix(address.as_pathname().unwrap_or(Path::new("")))
}

/// Std's address for one of the system's, or for none.
///
/// # Errors
///
/// `InvalidInput` if it is not one of a Unix socket.
pub(crate) fn from_system(address: Option<&Address>) -> io::Result<SocketAddr> {
    // Some systems give a peer that has no name no address at all.
    let Some(address) = address.filter(|address| address.len() > 0 && !address.is_unnamed()) else {
        return SocketAddr::from_pathname("");
    };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        if let Some(name) = address.as_abstract_namespace() {
            return SocketAddr::from_abstract_name(name);
        }
    }
    address.as_unix().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the socket is not a Unix socket",
        )
    })
}
