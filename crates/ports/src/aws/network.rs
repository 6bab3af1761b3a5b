//! The way onto the network, as the AWS CLI has it: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, and certificates by
//! `AWS_CA_BUNDLE` or a profile's `ca_bundle`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use scanmill_core::error::{Error, Result};

/// Names a file of certificates to trust beside the system's.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// An HTTP client that goes through the environment's proxy and trusts its certificates, or those that the profile names.
///
/// # Errors
/// A bundle of certificates that cannot be read.
pub(super) fn http_client(of_profile: Option<PathBuf>) -> Result<SharedHttpClient> {
    let context = tls_context(of_profile)?;
    let client = |proxy: ProxyConfig| {
        let context = context.clone();
        Builder::new().build_with_connector_fn(move |settings, components| {
            let mut builder = Connector::builder().proxy_config(proxy.clone());
            builder.set_connector_settings(settings.cloned());
            builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
            builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone()).build()
        })
    };
    let (proxied, direct) = (client(ProxyConfig::from_env()), client(ProxyConfig::disabled()));
    Ok(SharedHttpClient::new(Routed { proxied, direct }))
}

/// A connector of its own, the same way, for what no profile is about.
///
/// # Errors
/// As [`http_client`].
pub(super) fn connector() -> Result<Connector> {
    let builder = Connector::builder().proxy_config(ProxyConfig::from_env());
    Ok(builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls_context(None)?).build())
}

fn tls_context(of_profile: Option<PathBuf>) -> Result<TlsContext> {
    let of_environment = std::env::var_os(CA_BUNDLE).map(PathBuf::from);
    let named = [(CA_BUNDLE, of_environment), ("the profile's `ca_bundle`", of_profile)];
    let is_set = |(_, path): &(_, Option<PathBuf>)| path.as_ref().is_some_and(|path| !path.as_os_str().is_empty());
    match named.into_iter().find(is_set) {
        Some((named_by, Some(path))) => trusting(&path, named_by),
        _ => Ok(TlsContext::default()),
    }
}

fn trusting(path: &Path, named_by: &str) -> Result<TlsContext> {
    let cannot = || {
        Error::permanent(format!("cannot read the certificates of {named_by}, `{}`", path.display()))
            .with_hint(format!("{named_by} must name a file of certificates in PEM form, or be unset"))
    };
    let pem = std::fs::read(path).map_err(|error| cannot().with_source(error))?;
    // The client panics on what it cannot parse, and only at the first connection.
    let certificates: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = certificates.map_err(|error| cannot().with_source(error))?;
    let is_sound = |der: &CertificateDer<'_>| webpki::anchor_from_trusted_cert(der).is_ok();
    if found.is_empty() || !found.iter().all(is_sound) {
        return Err(cannot());
    }
    TlsContext::builder()
        .with_trust_store(TrustStore::default().with_pem_certificate(pem))
        .build()
        .map_err(|error| cannot().with_source(error))
}

/// Sends what is for this machine's own metadata service past the proxy, which cannot reach it.
#[derive(Debug)]
struct Routed<C> {
    proxied: C,
    direct: C,
}

impl HttpClient for Routed<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let of = |client: &SharedHttpClient| client.http_connector(settings, components);
        SharedHttpConnector::new(Routed { proxied: of(&self.proxied), direct: of(&self.direct) })
    }
}

impl HttpConnector for Routed<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let way = if is_link_local(request.uri()) { &self.direct } else { &self.proxied };
        way.call(request)
    }
}

/// Whether a URI is that of the instance's or the container's metadata service.
fn is_link_local(uri: &str) -> bool {
    // Asked of each request, so nothing else of the URI is parsed.
    let authority =
        uri.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => {
            address.parse::<Ipv6Addr>().is_ok_and(|address| matches!(address.segments(), [0xfd00, 0xec2, ..]))
        }
        None => {
            host.split(':').next().unwrap_or_default().parse().is_ok_and(|address: Ipv4Addr| address.is_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_metadata_services_are_link_local() {
        for (uri, expected) in [
            ("http://169.254.169.254/latest/api/token", true),
            ("http://169.254.170.2/v2/credentials", true),
            ("http://169.254.169.254:80", true),
            ("http://[fd00:ec2::254]/latest/meta-data", true),
            ("http://[fd00:ec2::23]:8080/v1/credentials", true),
            ("http://[fd00::1]/", false),
            ("https://169.254.example/", false),
            ("https://x.de/http://169.254.169.254/", false),
            ("https://169.254.169.254@x.de/", false),
            ("https://sqs.eu-central-1.amazonaws.com/", false),
            ("http://127.0.0.1:4566/", false),
            ("not a uri", false),
        ] {
            assert_eq!(is_link_local(uri), expected, "{uri}");
        }
    }

    #[test]
    fn a_bundle_that_is_none_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bundle.pem");
        let told = |path: &Path| trusting(path, CA_BUNDLE).expect_err("no certificates").report();
        assert!(told(&file).contains("bundle.pem"), "{}", told(&file));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no certificates", broken, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).expect("a file");
            assert!(told(&file).contains("AWS_CA_BUNDLE"), "{text:?}: {}", told(&file));
        }
    }
}
