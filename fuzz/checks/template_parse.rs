//! Any bytes are a template or an error with a place inside the text.

use std::sync::Arc;

use carrack::gotemplate::{Templates, builtins};

#[expect(clippy::naive_bytecount, reason = "a small text")]
pub(super) fn check(data: &[u8]) {
    let mut templates = Templates::new(Arc::new(builtins()));
    if let Err(error) = templates.parse("fuzz", data) {
        let lines = 1 + data.iter().filter(|b| **b == b'\n').count();
        assert!(
            error.line().is_some_and(|line| (1..=lines).contains(&line)),
            "{error}"
        );
        assert!(!error.to_string().contains('\0') || data.contains(&0));
    }
}
