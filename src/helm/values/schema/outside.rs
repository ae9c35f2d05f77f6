//! Schemas that a schema refers to and that lie outside the chart.
//!
//! Nothing is fetched: a schema gets no network and no file of the host (CVE-2025-55199). The validator asks for
//! everything that a schema names, Helm's only for what something leads to; so the validator gets a stand-in, which
//! breaks once it is used.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Keyword, Retrieve, Uri, ValidationError};
use serde_json::{Value, json};

/// The keyword of a stand-in, which tells for whom it stands in.
pub(super) const KEYWORD: &str = "carrack:outside";

/// Gives a stand-in for every schema outside, and keeps the first name.
#[derive(Clone, Default)]
pub(super) struct Outside {
    first: Arc<Mutex<Option<String>>>,
}

impl Retrieve for Outside {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        // Names without a place stand for "anything goes", as in Helm.
        if uri.scheme().as_str() == "urn" {
            return Ok(Value::Bool(true));
        }
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| uri.as_str().to_owned());
        Ok(json!({ KEYWORD: uri.as_str() }))
    }
}

impl Outside {
    /// Why a schema cannot be used. A reference to a part of a stand-in finds no such part, which alone says little.
    pub(super) fn explained(&self, error: &ValidationError<'_>) -> String {
        let mut why = error.to_string();
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(uri) = &*first
            && matches!(error.kind(), ValidationErrorKind::Referencing(_))
        {
            let _ = write!(why, "; {}", refusal(uri));
        }
        why
    }
}

fn refusal(uri: &str) -> String {
    format!("{uri} is outside the chart, and schemas are read without network or disk")
}

/// Breaks: something leads to the stand-in.
pub(super) fn keyword(uri: &Value) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'_>> {
    Err(ValidationError::custom(refusal(uri.as_str().unwrap_or_default())))
}
