//! Looking names up.

use may::net::ToSocketAddrs;
use ureq::{
    Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use super::transport::within;

/// Looks names up on May's pool of threads, so that only the coroutine waits.
#[derive(Debug, Default)]
pub struct MayResolver(());

impl Resolver for MayResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let incomplete = || Error::BadUri(format!("{uri} has no scheme or no host"));
        let scheme = uri.scheme().ok_or_else(incomplete)?;
        let authority = uri.authority().ok_or_else(incomplete)?;
        let host = DefaultResolver::host_and_port(scheme, authority).ok_or_else(incomplete)?;

        let found = within(timeout, || host.to_socket_addrs())?;
        let mut addresses = self.empty();
        for address in config.ip_family().keep_wanted(found) {
            if addresses.len() == MOST {
                break;
            }
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(addresses)
    }
}

/// As many addresses as ureq has room for.
const MOST: usize = 16;
