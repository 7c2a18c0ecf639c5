//! Keys and certificates, made at start.

use std::{error::Error, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// A server's certificate and its key, and the authority that has signed it.
///
/// All are made anew, and the authority's key is thrown away when it has signed: nobody can sign
/// anything else with it. Whoever is to trust the server is given [the authority's
/// certificate](Identity::authority).
#[derive(Debug)]
pub struct Identity {
    authority: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Makes a certificate for a server of these names, which may be addresses, too.
    ///
    /// # Errors
    ///
    /// If a name is none, or there is no randomness for keys.
    pub fn new(names: &[String]) -> Result<Identity, rcgen::Error> {
        let mut authority = CertificateParams::new([])?;
        let name = "May's examples, made at start";
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut server = CertificateParams::new(names)?;
        let name = names.first().map_or("server", String::as_str);
        server.distinguished_name.push(DnType::CommonName, name);
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &authority)?;
        Ok(Identity {
            authority: authority.pem(),
            certificate: certificate.into(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }

    /// The authority's certificate, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What a server that speaks `protocols`, such as `http/1.1`, presents itself with: TLS 1.3 and
    /// 1.2, with tickets, so that clients who come again need no full handshake.
    ///
    /// # Errors
    ///
    /// If there is no randomness for the tickets' keys.
    pub fn server(self, protocols: &[&str]) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate], self.key)?;
        let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
        config.alpn_protocols = protocols.collect();
        config.ticketer = ring::Ticketer::new()?;
        Ok(Arc::new(config))
    }
}
