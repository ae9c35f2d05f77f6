//! Which token servers may be asked, and which of them may see a credential.

use crate::http::{Url, is_loopback};

/// What a token server is trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The user's credential.
    Credentials,
    /// The question alone.
    Anonymous,
}

/// Registries whose token server is another host, as their operators document it.
const PARTNERS: [(&str, &str); 2] = [
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
];

/// The realm as a URL, if asking it gives nothing away: `https`, or `http` where plain HTTP was allowed for that host.
/// A registry elsewhere cannot make us ask a server on this machine.
pub(super) fn parse(
    text: &str,
    registry: &str,
    is_plain: impl Fn(&str) -> bool,
) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "which is no URL")?;
    let Some(host) = url.host_str() else {
        return Err("which has no host");
    };
    let authority = authority(&url);
    match url.scheme() {
        "https" => {}
        "http" if is_plain(&authority) => {}
        "http" => return Err("which is plain http; tokens are fetched over https only"),
        _ => return Err("which is neither http nor https"),
    }
    if is_loopback(host) && !is_loopback(registry) {
        return Err("which is on this machine");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("which carries a user name of its own");
    }
    Ok(url)
}

/// What `realm` is trusted with by `registry`. `more` are hosts that the user named for this registry.
///
/// Over `https` the host's name decides, since its certificate proves it on every port (GitLab has its registry on a
/// port of its own). Over plain HTTP the port must be the same too.
pub(super) fn trust(realm: &Url, registry: &str, more: &[String]) -> Trust {
    let authority = authority(realm);
    let host = realm.host_str().unwrap_or_default();
    let partner = |known: &(&str, &str)| known.0 == registry && known.1 == authority;
    let own = authority.eq_ignore_ascii_case(registry)
        || (realm.scheme() == "https" && !is_loopback(host) && host.eq_ignore_ascii_case(name(registry)));
    let named = || more.iter().any(|more| more.eq_ignore_ascii_case(&authority));
    if own || (realm.scheme() == "https" && PARTNERS.iter().any(partner)) || named() {
        Trust::Credentials
    } else {
        Trust::Anonymous
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(realm: &str, registry: &str) -> bool {
        let more = ["sso.corp.example".to_owned()];
        trust(&realm.parse().unwrap(), registry, &more) == Trust::Credentials
    }

    #[test]
    fn a_credential_goes_to_the_registry_itself_and_to_known_partners_only() {
        for (realm, registry) in [
            ("https://ghcr.io/token", "ghcr.io"),
            ("https://quay.io/v2/auth", "quay.io"),
            ("https://auth.docker.io/token", "registry-1.docker.io"),
            ("https://gitlab.com/jwt/auth", "registry.gitlab.com"),
            ("https://gitlab.corp.example/jwt/auth", "gitlab.corp.example:5050"),
            ("https://harbor.corp.example/service/token", "harbor.corp.example"),
            ("https://sso.corp.example/token", "r.corp.example"),
            ("http://127.0.0.1:5000/token", "127.0.0.1:5000"),
        ] {
            assert!(trusted(realm, registry), "{realm} for {registry}");
        }
        for (realm, registry) in [
            ("https://thief.example/token", "ghcr.io"),
            ("https://ghcr.io.thief.example/token", "ghcr.io"),
            ("https://auth.docker.io/token", "ghcr.io"),
            ("https://auth.docker.io:444/token", "registry-1.docker.io"),
            ("http://127.0.0.1:5001/token", "127.0.0.1:5000"),
            ("https://127.0.0.1:5001/token", "127.0.0.1:5000"),
            ("http://r.corp.example:81/token", "r.corp.example"),
        ] {
            assert!(!trusted(realm, registry), "{realm} for {registry}");
        }
    }

    #[test]
    fn a_realm_that_is_not_worth_asking_is_refused() {
        let parse = |text| {
            parse(text, "registry.example.com", |host| {
                is_loopback(host) || host == "plain.example"
            })
        };
        assert!(parse("https://auth.example.com/token?x=1").is_ok());
        assert!(parse("http://plain.example/token").is_ok());
        for text in [
            "",
            "/token",
            "file:///etc/passwd",
            "http://auth.example.com/token",
            "http://127.0.0.1:9000/token",
            "https://localhost/token",
            "https://me:pw@auth.example.com/token",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
