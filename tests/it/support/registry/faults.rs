//! Faults as data: which requests they meet, and what they do.

use std::time::Duration;

use super::store::Logged;

/// Which requests a fault meets.
#[derive(Clone, Debug, Default)]
pub(crate) struct On {
    method: Option<&'static str>,
    path: Option<String>,
    skip: u32,
    times: Option<u32>,
}

impl On {
    /// Every request.
    pub(crate) fn any() -> Self {
        Self::default()
    }

    /// Requests of one method.
    pub(crate) fn method(method: &'static str) -> Self {
        Self {
            method: Some(method),
            ..Self::default()
        }
    }

    /// Requests for the content of blobs.
    pub(crate) fn get_blob() -> Self {
        Self::method("GET").path("/blobs/sha")
    }

    /// Requests for manifests.
    pub(crate) fn get_manifest() -> Self {
        Self::method("GET").path("/manifests/")
    }

    /// Those of them that have this text in their path.
    pub(crate) fn path(mut self, text: &str) -> Self {
        self.path = Some(text.to_owned());
        self
    }

    /// Only the first of them.
    pub(crate) fn once(self) -> Self {
        self.times(1)
    }

    /// Only so many of them.
    pub(crate) fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Not the first ones.
    pub(crate) fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

/// What a fault does.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The connection ends after so many bytes of the answer's body.
    CutAfter(usize),
    /// The connection ends after so many bytes of the request's body.
    CutUploadAfter(usize),
    /// The body stands still in its middle for so long.
    Stall(Duration),
    /// Nothing is answered for so long.
    Silence(Duration),
    /// The first byte of the body is another one.
    WrongBytes,
    /// The body ends a byte early, and its announced length says so.
    WrongLength,
    /// The length of the body is not announced.
    NoLength,
    /// The body has no announced length and ends after so many bytes, cleanly.
    CleanEndAfter(usize),
    /// The body has no announced length and goes on for so many bytes.
    ExtraBytes(usize),
    /// `Docker-Content-Digest` names other content.
    WrongDigestHeader,
    /// `Docker-Content-Digest` is left out.
    NoDigestHeader,
    /// The answer claims to be gzipped.
    Encoded,
    /// The answer has this media type.
    ContentType(&'static str),
    /// This status with a registry's error body of this code; the request is not carried out.
    Status {
        /// The status.
        status: u16,
        /// The registry's error code; empty is no body.
        code: &'static str,
        /// A `Retry-After` header.
        retry_after: Option<&'static str>,
    },
    /// This status with a page of HTML.
    HtmlErrorBody(u16),
    /// This status with megabytes of text.
    HugeErrorBody(u16),
    /// This status with this text.
    TextErrorBody(u16, &'static str),
    /// 401 with these challenges, one header each.
    Challenge(Vec<String>),
    /// Exactly this answer; the request is not carried out.
    Answer {
        /// The status.
        status: u16,
        /// The headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// `Range` headers are not looked at.
    IgnoresRange,
    /// A range is answered with this `Content-Range`, or none if it is empty, and the whole body.
    WrongRange(&'static str),
    /// The request is sent on to this URL with 307.
    RedirectTo(String),
    /// The request is sent on to another path here, and the content is served there without any credential.
    RedirectHere,
    /// Upload locations are relative.
    RelativeLocation,
    /// Upload locations are these.
    LocationAt(String),
    /// A whole blob in one PUT is refused with this status.
    RefusesWhole(u16),
    /// Chunks larger than this are refused as GitHub's registry does.
    ChunkCap(usize),
    /// Chunks are answered with 201, and `Range` sticks at the first one.
    StaleRange,
    /// `Range` counts within the chunk.
    RangeOfChunk,
    /// The next upload request finds its session gone.
    LosesUpload,
    /// Uploads are confirmed and thrown away.
    LiesStored,
    /// Pages lead to this URL.
    LinkTo(String),
}

impl Fault {
    /// A status with a registry's error code.
    pub(crate) fn status(status: u16, code: &'static str) -> Self {
        Self::Status {
            status,
            code,
            retry_after: None,
        }
    }

    /// The same with a `Retry-After` header.
    pub(crate) fn retry_after(self, value: &'static str) -> Self {
        match self {
            Self::Status { status, code, .. } => Self::Status {
                status,
                code,
                retry_after: Some(value),
            },
            other => other,
        }
    }
}

/// A fault that waits for its requests.
#[derive(Debug)]
pub(super) struct Armed {
    on: On,
    fault: Fault,
    seen: u32,
}

impl Armed {
    pub(super) fn new(on: On, fault: Fault) -> Self {
        Self { on, fault, seen: 0 }
    }

    /// The fault, if it meets this request.
    pub(super) fn meet(&mut self, request: &Logged) -> Option<Fault> {
        let method = self.on.method.is_none_or(|method| method == request.method);
        let path = self
            .on
            .path
            .as_ref()
            .is_none_or(|text| request.path.contains(text.as_str()));
        if !method || !path {
            return None;
        }
        self.seen += 1;
        let nth = self.seen.checked_sub(self.on.skip + 1)?;
        self.on
            .times
            .is_none_or(|times| nth < times)
            .then(|| self.fault.clone())
    }
}
