//! ureq over May's sockets: its agents, pools, redirects and TLS, with connections that block only
//! the coroutine.
//!
//! ureq leaves two things to whoever wants them otherwise, which are the only two that block:
//! opening a connection with moving bytes over it, and looking names up. They do not follow ureq's
//! semantic versioning, so the version of the crate in `Cargo.toml` is one to raise with care.
//!
//! * `transport`: opening connections and moving bytes
//! * `resolver`: looking names up

mod resolver;
mod transport;

use std::sync::Arc;

use rustls::crypto::ring;
use ureq::{
    Agent,
    config::ConfigBuilder,
    tls::{RootCerts, TlsConfig, TlsProvider},
    typestate::AgentScope,
    unversioned::transport::{Connector, RustlsConnector},
};

pub use resolver::MayResolver;
pub use transport::{MayConnector, MayTransport};

/// Makes an agent over May's sockets. `roots` are the authorities whose certificates are trusted.
/// Proxies are not supported.
///
/// An agent is for all coroutines together: its clones share their connections.
#[must_use]
pub fn agent(config: ConfigBuilder<AgentScope>, roots: RootCerts) -> Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(roots)
        .build();
    let config = config.proxy(None).tls_config(tls);
    let connector = MayConnector::default().chain(RustlsConnector::default());
    Agent::with_parts(config.build(), connector, MayResolver::default())
}
