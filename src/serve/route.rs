//! What a request's path asks for.

use std::borrow::Cow;

use crate::digest::Digest;
use crate::reference::Tag;

/// What is asked for. Names are as the client wrote them and stand for nothing until a catalog knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page,
    Health,
    Metrics,
    Version,
    Catalog,
    Tags {
        name: String,
    },
    Manifest {
        name: String,
        wanted: Wanted,
    },
    Blob {
        name: String,
        digest: Digest,
    },
    Referrers {
        name: String,
        subject: Digest,
    },
    /// Something of the registry protocol that only writing clients ask for.
    Upload,
    Chart {
        path: String,
    },
    /// The digest or tag in the path is none.
    BadDigest,
    BadTag,
    Unknown,
}

/// How a manifest is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Tag(Tag),
    Digest(Digest),
}

impl Route {
    /// Reads the path of a URL, still percent-encoded.
    pub(super) fn parse(path: &str) -> Self {
        let Some(path) = decode(path) else {
            return Self::Unknown;
        };
        match path.as_ref() {
            "/" | "/index.html" => return Self::Page,
            "/healthz" => return Self::Health,
            "/metrics" => return Self::Metrics,
            "/v2" | "/v2/" => return Self::Version,
            "/v2/_catalog" => return Self::Catalog,
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/charts/") {
            return Self::Chart {
                path: rest.to_owned(),
            };
        }
        path.strip_prefix("/v2/").map_or(Self::Unknown, Self::of_registry)
    }

    fn of_registry(rest: &str) -> Self {
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Self::Tags {
                name: name.to_owned(),
            };
        }
        if rest.ends_with("/blobs/uploads") || rest.contains("/blobs/uploads/") {
            return Self::Upload;
        }
        let Some((head, last)) = rest.rsplit_once('/') else {
            return Self::Unknown;
        };
        let Some((name, kind)) = head.rsplit_once('/') else {
            return Self::Unknown;
        };
        let name = name.to_owned();
        match kind {
            "manifests" if last.contains(':') => {
                last.parse().map_or(Self::BadDigest, |digest| Self::Manifest {
                    name,
                    wanted: Wanted::Digest(digest),
                })
            }
            "manifests" => last.parse().map_or(Self::BadTag, |tag| Self::Manifest {
                name,
                wanted: Wanted::Tag(tag),
            }),
            "blobs" => last
                .parse()
                .map_or(Self::BadDigest, |digest| Self::Blob { name, digest }),
            "referrers" => last
                .parse()
                .map_or(Self::BadDigest, |subject| Self::Referrers { name, subject }),
            _ => Self::Unknown,
        }
    }

    /// A word for the metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Page | Self::Health | Self::Metrics | Self::Unknown => "other",
            Self::Version | Self::Catalog | Self::Upload | Self::BadDigest | Self::BadTag => "registry",
            Self::Tags { .. } => "tags",
            Self::Manifest { .. } => "manifest",
            Self::Blob { .. } => "blob",
            Self::Referrers { .. } => "referrers",
            Self::Chart { .. } => "chart",
        }
    }
}

/// Takes percent-encoding off; `None` for what is no text afterwards.
fn decode(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut bytes = path.bytes();
    let mut decoded = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex() -> String {
        Digest::sha256(b"x").to_string()
    }

    #[test]
    fn the_paths_of_the_protocol_are_known() {
        let digest = Digest::sha256(b"x");
        assert_eq!(Route::parse("/v2/"), Route::Version);
        assert_eq!(Route::parse("/v2/_catalog"), Route::Catalog);
        assert_eq!(
            Route::parse("/v2/docker.io/library/nginx/tags/list"),
            Route::Tags {
                name: "docker.io/library/nginx".into()
            }
        );
        assert_eq!(
            Route::parse("/v2/a/b/manifests/1.27"),
            Route::Manifest {
                name: "a/b".into(),
                wanted: Wanted::Tag("1.27".parse().unwrap())
            }
        );
        for text in [hex(), hex().replace(':', "%3A"), hex().replace(':', "%3a")] {
            assert_eq!(
                Route::parse(&format!("/v2/a/blobs/{text}")),
                Route::Blob {
                    name: "a".into(),
                    digest
                }
            );
        }
        assert_eq!(Route::parse("/v2/a/blobs/uploads/"), Route::Upload);
        assert_eq!(
            Route::parse(&format!("/v2/a/referrers/{}", hex())),
            Route::Referrers {
                name: "a".into(),
                subject: digest
            }
        );
    }

    #[test]
    fn a_repository_may_be_called_like_a_part_of_the_protocol() {
        assert_eq!(
            Route::parse("/v2/a/manifests/manifests/latest"),
            Route::Manifest {
                name: "a/manifests".into(),
                wanted: Wanted::Tag("latest".parse().unwrap())
            }
        );
    }

    #[test]
    fn a_path_in_the_place_of_a_digest_is_refused() {
        for path in [
            "/v2/a/blobs/..%2f..%2fetc%2fpasswd",
            "/v2/a/blobs/sha256:..",
            "/v2/a/blobs/sha256:%00",
        ] {
            assert!(
                matches!(Route::parse(path), Route::BadDigest | Route::Unknown),
                "{path}"
            );
        }
        assert_eq!(Route::parse("/v2/a/manifests/..%20"), Route::BadTag);
        assert_eq!(Route::parse("/%ff"), Route::Unknown);
        assert_eq!(Route::parse("/%2"), Route::Unknown);
    }
}
