//! What holds in a part of a document: how sure anything in it can be, and where its lines are.

use super::sighting::{Source, Tier};

/// Subtrees where a text that looks like a reference is a name of something else.
const QUIET_KEYS: [&str; 20] = [
    "apiVersion",
    "kind",
    "apiGroup",
    "apiGroups",
    "verbs",
    "labels",
    "matchLabels",
    "selector",
    "ownerReferences",
    "resourceNames",
    "nonResourceURLs",
    "expr",
    "record",
    "host",
    "hosts",
    "mountPath",
    "path",
    "schedule",
    "accessModes",
    "finalizers",
];

/// What holds in a part of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Where the document comes from.
    pub(crate) source: Source,
    /// Nothing here is surer than this.
    pub(crate) best: Tier,
    /// Whether free text is searched for words that read as references.
    pub(crate) free: bool,
    /// Whether it is the content of a Secret: unreadable text is not repeated.
    pub(crate) secret: bool,
    /// Whether templates are expected: the text is filled in by something at run time.
    pub(crate) template: bool,
    /// How many documents inside documents this one is.
    pub(crate) depth: u8,
}

impl Scope {
    /// The scope of a whole document from this source.
    pub(crate) fn of(source: Source) -> Self {
        Self {
            source,
            best: Tier::Certain,
            free: true,
            secret: false,
            template: false,
            depth: 0,
        }
    }

    pub(crate) fn at_best(self, tier: Tier) -> Self {
        Self {
            best: self.best.max(tier),
            ..self
        }
    }

    /// The scope of what stands under a key.
    pub(super) fn inside(self, key: &str) -> Self {
        let mut scope = self;
        if key == "_example" || key.starts_with('#') {
            scope = scope.at_best(Tier::Candidate);
        }
        if QUIET_KEYS.contains(&key) {
            scope.free = false;
        }
        scope
    }
}

/// How line numbers of a tree become lines of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lines {
    /// The tree is the file, or follows this many lines of it.
    After(u32),
    /// Every node stands on one line: the tree was in a quoted string.
    On(u32),
}

impl Lines {
    pub(crate) fn of(self, line: u32) -> Option<u32> {
        let line = match self {
            Self::After(before) if line > 0 => before.saturating_add(line),
            Self::After(_) => 0,
            Self::On(line) => line,
        };
        (line > 0).then_some(line)
    }
}
