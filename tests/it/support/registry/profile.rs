//! Dialects by name: what the registries that operators have do in their own way, as far as it is known.

use super::Mode;
use super::faults::{Fault, On};

/// The user and password that profiles with a login ask for.
pub(crate) const LOGIN: (&str, &str) = ("me", "secret");

/// A registry as operators have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// distribution 2.8 and 3: no referrers API.
    Distribution,
    /// zot: the specification to the letter.
    Zot,
    /// GitHub's: tokens, chunks of 4 MiB at most, no referrers API.
    Github,
    /// Amazon's: a password, repositories that must be there first, chunks that are answered with 201 and a range that
    /// sticks, no mounts.
    Amazon,
    /// Harbor before 2.8: projects, and a 401 without a challenge for the referrers API.
    OldHarbor,
    /// Harbor from 2.8 on: projects, and the referrers API.
    Harbor,
    /// Quay: the referrers API, and no word of a subject after a push.
    Quay,
    /// Artifactory: a password, and 405 for the referrers API.
    Artifactory,
    /// Aliyun's: tokens, and ranges that count within the chunk.
    Aliyun,
    /// GitLab: tokens that are soon spent, relative locations, no referrers API.
    Gitlab,
}

/// What there is of the referrers API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReferrersApi {
    /// It is there, and pushes tell that they were understood.
    Full,
    /// It is there, and pushes say nothing of it.
    Silent,
    /// It is answered with this status and an empty body.
    Absent(u16),
}

/// What a profile is made of.
pub(super) struct Dialect {
    pub(super) mode: Mode,
    pub(super) token_path: &'static str,
    pub(super) referrers: ReferrersApi,
    pub(super) mounts: bool,
    pub(super) makes_repositories: bool,
    /// Projects that are there, in a registry that has them.
    pub(super) projects: Option<&'static [&'static str]>,
    pub(super) faults: Vec<(On, Fault)>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            mode: Mode::Open,
            token_path: "/token",
            referrers: ReferrersApi::Absent(404),
            mounts: true,
            makes_repositories: true,
            projects: None,
            faults: Vec::new(),
        }
    }
}

impl Profile {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Distribution,
        Self::Zot,
        Self::Github,
        Self::Amazon,
        Self::OldHarbor,
        Self::Harbor,
        Self::Quay,
        Self::Artifactory,
        Self::Aliyun,
        Self::Gitlab,
    ];

    /// Whether it links a blob from one repository to another.
    pub(crate) fn mounts(self) -> bool {
        self.dialect().mounts
    }

    pub(super) fn dialect(self) -> Dialect {
        let (user, password) = LOGIN;
        let tokens = || Mode::bearer_for(user, password);
        let plain = Dialect::default();
        match self {
            Self::Distribution => plain,
            Self::Zot => Dialect {
                referrers: ReferrersApi::Full,
                ..plain
            },
            Self::Github => Dialect {
                mode: tokens(),
                faults: vec![(On::method("PATCH"), Fault::ChunkCap(4 << 20))],
                ..plain
            },
            Self::Amazon => Dialect {
                mode: Mode::basic(user, password),
                mounts: false,
                makes_repositories: false,
                faults: vec![(On::any(), Fault::StaleRange)],
                ..plain
            },
            Self::OldHarbor => Dialect {
                mode: tokens(),
                token_path: "/service/token",
                referrers: ReferrersApi::Absent(401),
                projects: Some(&PROJECTS),
                ..plain
            },
            Self::Harbor => Dialect {
                mode: tokens(),
                token_path: "/service/token",
                referrers: ReferrersApi::Full,
                projects: Some(&PROJECTS),
                ..plain
            },
            Self::Quay => Dialect {
                mode: tokens(),
                token_path: "/v2/auth",
                referrers: ReferrersApi::Silent,
                ..plain
            },
            Self::Artifactory => Dialect {
                mode: Mode::basic(user, password),
                referrers: ReferrersApi::Absent(405),
                ..plain
            },
            Self::Aliyun => Dialect {
                mode: tokens(),
                faults: vec![(On::any(), Fault::RangeOfChunk)],
                ..plain
            },
            Self::Gitlab => Dialect {
                mode: Mode::Bearer {
                    login: Some((user.to_owned(), password.to_owned())),
                    anonymous_pull: false,
                    identity: None,
                    uses: 12,
                    realm: None,
                },
                token_path: "/jwt/auth",
                faults: vec![(On::any(), Fault::RelativeLocation)],
                ..plain
            },
        }
    }
}

/// The first parts of the names that the conformance suite pushes to.
pub(super) const PROJECTS: [&str; 9] = ["team", "a", "b", "c", "range", "known", "unknown", "tags", "long"];
