//! `values.schema.json`: whether the values are what a chart says it takes.

mod formats;
mod outside;
mod patterns;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use outside::Outside;

use super::live;
use super::tree::Instance;
use crate::gotemplate::{Map, Value};
use crate::helm::error::Error;
use crate::secret::printable;

/// A value that is longer is not repeated in a violation.
const VALUE_SHOWN: usize = 200;

/// How many characters of a problem and of its place are shown.
const PROBLEM_SHOWN: usize = 500;

/// How many violations of one chart are named.
const NAMED: usize = 20;

/// How deep a schema may be nested.
const DEPTH: usize = 200;

/// Stack of the thread that checks, in bytes: schemas and values may be nested as deep as their limits let them.
const STACK: usize = 64 << 20;

/// What is wrong with the values of one chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The chart.
    pub chart: String,
    /// One line for each thing that is wrong, or why the schema cannot be used.
    pub details: Vec<String>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.chart)?;
        self.details.iter().try_for_each(|d| write!(f, "\n- {d}"))
    }
}

/// Checks the values of every chart of the tree against the chart's own schema; all of it may take so long.
pub(super) fn check(root: &Instance<'_>, values: &Map, time: Duration) -> Result<(), Error> {
    let mut violations = Vec::new();
    check_chart(root, values, Instant::now() + time, &mut violations);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Error::Schema { violations })
    }
}

fn check_chart(chart: &Instance<'_>, values: &Map, end: Instant, violations: &mut Vec<Violation>) {
    if let Some(schema) = &chart.chart.schema {
        let details = check_in_time(schema, values, end);
        if !details.is_empty() {
            violations.push(Violation {
                chart: chart.name.clone(),
                details,
            });
        }
    }
    for below in &chart.below {
        match values.get(below.name.as_bytes()) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(table)) => check_chart(below, &table, end, violations),
            Some(other) => violations.push(Violation {
                chart: below.name.clone(),
                details: vec![format!(
                    "invalid type for values: expected object (map), got {}",
                    other.type_name()
                )],
            }),
        }
    }
}

/// References that double at every level ask for more steps than there is time, and the validator cannot be stopped:
/// it gets a thread of its own, which is left behind when the time is over.
fn check_in_time(schema: &Arc<[u8]>, values: &Map, end: Instant) -> Vec<String> {
    let schema = Arc::clone(schema);
    let values = live::to_json(&Value::Map(values.clone()));
    let (tell, told) = mpsc::channel();
    let checker = thread::Builder::new().name("schema".to_owned()).stack_size(STACK);
    let started = checker.spawn(move || tell.send(check_values(&schema, &values)));
    let failed = match started {
        Err(e) => format!("there is no thread to check the values in: {e}"),
        Ok(_) => match told.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(details) => return details,
            Err(RecvTimeoutError::Timeout) => {
                "checking the values against the schema takes longer than the render may (limit: time)"
                    .to_owned()
            }
            Err(RecvTimeoutError::Disconnected) => "the schema's validator broke down".to_owned(),
        },
    };
    vec![failed]
}

fn check_values(schema: &[u8], values: &serde_json::Value) -> Vec<String> {
    let schema: serde_json::Value = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(e) => return vec![format!("the schema is no JSON: {e}")],
    };
    if deeper_than(&schema, DEPTH) {
        return vec![format!("the schema is nested more than {DEPTH} levels deep")];
    }
    let validator = match validator(schema, values) {
        Ok(validator) => validator,
        Err(why) => {
            let why = printable(&why, PROBLEM_SHOWN);
            return vec![format!("the schema cannot be used: {why}")];
        }
    };
    validator
        .iter_errors(values)
        .take(NAMED)
        .map(|e| told(&e))
        .collect()
}

/// The validator, told what Helm's reads in another way.
fn validator(
    mut schema: serde_json::Value,
    values: &serde_json::Value,
) -> Result<jsonschema::Validator, String> {
    patterns::rewrite(&mut schema, values)?;
    let outside = Outside::default();
    formats::add(jsonschema::options())
        .with_retriever(outside.clone())
        .with_keyword(outside::KEYWORD, |_, uri, _| outside::keyword(uri))
        .with_keyword(patterns::PATTERN, |_, pattern, _| patterns::keyword(pattern))
        // Helm's takes both for remarks.
        .without_content_encoding_support("base64")
        .without_content_media_type_support("application/json")
        .build(&schema)
        .map_err(|error| outside.explained(&error))
}

/// A violation in one line of bounded length. A long value is not repeated: what the schema wants must stay readable.
fn told(error: &jsonschema::ValidationError<'_>) -> String {
    let problem = match error.instance().to_string().len() {
        0..=VALUE_SHOWN => error.to_string(),
        _ => error.masked_with("the value").to_string(),
    };
    format!(
        "at '{}': {}",
        printable(&error.instance_path().to_string(), PROBLEM_SHOWN),
        printable(&problem, PROBLEM_SHOWN)
    )
}

fn deeper_than(value: &serde_json::Value, limit: usize) -> bool {
    let Some(limit) = limit.checked_sub(1) else {
        return true;
    };
    match value {
        serde_json::Value::Array(items) => items.iter().any(|v| deeper_than(v, limit)),
        serde_json::Value::Object(fields) => fields.values().any(|v| deeper_than(v, limit)),
        _ => false,
    }
}
