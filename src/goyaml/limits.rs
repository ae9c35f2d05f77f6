//! What a text may cost, each with a name.

/// The largest YAML or JSON text that is read, in bytes: far above any manifest (etcd takes 1.5 MiB per object), and
/// above the largest `index.yaml` known (Bitnami's, 20 MiB).
pub const SIZE_CAP: usize = 256 << 20;

/// How many collections may stand inside one another. go-yaml stops at 10,000, which is more than a small thread's
/// stack can walk; a document of real use is below 50.
pub const DEPTH_CAP: usize = 1_000;

/// How many bytes of text aliases may repeat. go-yaml shares the bytes of repeated strings and bounds their number
/// only; here each repetition owns its text.
pub const REPEATED_TEXT_CAP: usize = 64 << 20;

/// Runs a step of a recursion with enough stack for it, whatever thread it is on.
pub(super) fn with_stack<T>(step: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(32 << 10, 1 << 20, step)
}
