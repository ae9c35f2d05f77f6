//! TLS: always, with the authorities that were named, and never less than was asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use carrack::credentials::Store;
use carrack::http::{HostTls, Settings};
use carrack::registry::Error;

use crate::conformance::Visitor;
use crate::registry_pull::hurried;
use crate::support::images::image;
use crate::support::registry::{Certificates, Fault, On, TestRegistry};

/// Settings that speak TLS to `host` although it is loopback.
fn tls(host: &str, ca_files: Vec<PathBuf>, client: Option<(PathBuf, PathBuf)>) -> Settings {
    Settings {
        per_host: BTreeMap::from([(host.to_owned(), HostTls { ca_files, client })]),
        ..hurried()
    }
}

fn ping(settings: Settings, host: &str) -> Result<(), Error> {
    let visitor = Visitor::with(settings, Store::anonymous());
    visitor.ask(visitor.client.ping(host))
}

/// An error and its causes, as the command line prints them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[test]
fn an_authority_that_was_named_is_trusted_and_no_other() {
    let certificates = Certificates::new();
    let registry = TestRegistry::start_tls(&certificates, false);
    let host = registry.host();
    ping(tls(&host, vec![certificates.authority()], None), &host).unwrap();
    assert_eq!(registry.count("GET", "/v2/"), 1);
    let error = ping(tls(&host, Vec::new(), None), &host).unwrap_err();
    assert!(
        chain(&error).contains("no trusted TLS connection"),
        "{}",
        chain(&error)
    );
    assert!(!error.is_transient());
    assert_eq!(error.tries(), 1);
    // The same authority for every host, as `--ca-file` has it.
    let mut settings = tls(&host, Vec::new(), None);
    settings.ca_files = vec![certificates.authority()];
    ping(settings, &host).unwrap();
}

#[test]
fn a_server_without_tls_is_not_spoken_to_without_tls() {
    let registry = TestRegistry::start();
    let host = registry.host();
    let error = ping(tls(&host, Vec::new(), None), &host).unwrap_err();
    assert!(
        error.to_string().contains("does not speak TLS"),
        "{}",
        chain(&error)
    );
    assert_eq!(registry.requests().len(), 0);
}

#[test]
fn a_redirect_from_https_to_http_is_refused() {
    let certificates = Certificates::new();
    let registry = TestRegistry::start_tls(&certificates, false);
    let plain = TestRegistry::start();
    let image = image().build();
    registry.seed("app:1", &image);
    plain.seed("app:1", &image);
    let config = &image.blobs[0].descriptor;
    let target = format!("{}/v2/app/blobs/{}", plain.url(), config.digest);
    registry.fault(On::get_blob(), Fault::RedirectTo(target));
    let host = registry.host();
    let visitor = Visitor::with(
        tls(&host, vec![certificates.authority()], None),
        Store::anonymous(),
    );
    let error = visitor
        .pull(&crate::conformance::repository(&host, "app"), config)
        .unwrap_err();
    assert!(
        error.to_string().contains("redirects from https to plain http"),
        "{error}"
    );
    assert_eq!(plain.requests().len(), 0);
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let certificates = Certificates::new();
    let registry = TestRegistry::start_tls(&certificates, true);
    let host = registry.host();
    let authority = vec![certificates.authority()];
    ping(tls(&host, authority.clone(), Some(certificates.client())), &host).unwrap();
    assert!(ping(tls(&host, authority, None), &host).is_err());
}

#[test]
fn a_certificate_file_that_cannot_be_used_is_named_before_the_first_request() {
    let certificates = Certificates::new();
    let (_, key) = certificates.client();
    for (path, expected) in [
        (
            PathBuf::from("/nonexistent/ca.pem"),
            "cannot read the certificate file /nonexistent/ca.pem",
        ),
        (key, "holds no PEM certificate"),
    ] {
        let settings = Settings {
            ca_files: vec![path],
            ..Settings::default()
        };
        let observer = std::sync::Arc::new(carrack::observe::Silent);
        let clock = std::sync::Arc::new(carrack::observe::SystemClock);
        let error = carrack::http::Client::new(settings, observer, clock).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
