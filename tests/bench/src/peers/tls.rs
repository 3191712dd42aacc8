//! TLS in front of the stand-in for AWS, because on AWS a function's first call includes a handshake.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use comptoir_local::runtime::AbortOnDrop;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

/// The usual paths of the system's certificate authorities.
const TRUSTED: [&str; 3] =
    ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"];

/// The certificate authorities built into our functions.
const AUTHORITIES: &str = include_str!("../../../../shared/aws/src/authorities.pem");

/// A front that terminates TLS and forwards the traffic.
#[derive(Debug)]
pub struct Tls {
    /// `https://localhost:PORT`.
    pub url: String,
    /// A file with the authorities built into our functions, and the front's.
    pub ours: PathBuf,
    /// A file with every authority of this machine, and the front's: for the peers.
    pub theirs: PathBuf,
    _front: AbortOnDrop<()>,
}

impl Tls {
    /// Starts a front of `upstream` (`127.0.0.1:PORT`); its authority is kept in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub async fn start(listener: TcpListener, upstream: String, folder: &std::path::Path) -> Result<Self> {
        let (authority, certificate, key) = certificates()?;
        let known = TRUSTED.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let kept = |name: &str, known: &str| {
            let file = folder.join(name);
            fs::write(&file, format!("{known}\n{authority}"))
                .with_context(|| format!("{} cannot be written", file.display()))?;
            anyhow::Ok(file)
        };
        let (ours, theirs) = (kept("ours.pem", AUTHORITIES)?, kept("theirs.pem", &known)?);
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let front = tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    caller.set_nodelay(true).ok();
                    let Ok(mut caller) = acceptor.accept(caller).await else { return };
                    let Ok(mut called) = TcpStream::connect(upstream).await else { return };
                    called.set_nodelay(true).ok();
                    // Ends when either side closes.
                    copy_bidirectional(&mut caller, &mut called).await.ok();
                });
            }
        });
        Ok(Self { url, ours, theirs, _front: AbortOnDrop(front) })
    }
}

/// An authority as PEM, and a certificate issued by it for this machine.
fn certificates() -> Result<(String, CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Distinct names: a certificate with the same subject and issuer counts as self-signed.
    params.distinguished_name.push(DnType::CommonName, "authority of the measurement");
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|wrong| anyhow::anyhow!(wrong))?;
    Ok((authority, certificate.der().clone(), key))
}
