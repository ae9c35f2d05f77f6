//! Patterns of a schema: regular expressions in Go's grammar, which the validator reads as JavaScript's.
//!
//! A `pattern` becomes a keyword of our own. The patterns of `patternProperties` are tied to other keywords, so they
//! stay where they are and become lists: of those names that the values hold, the ones that match.

use std::collections::BTreeSet;

use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value};

use super::VALUE_SHOWN;
use crate::sprig::regex_matches;

/// The keyword that stands for `pattern`.
pub(super) const PATTERN: &str = "carrack:pattern";

/// How many bytes the lists of names may take together.
const ROOM: usize = 16 << 20;

/// A list of no names.
const NO_NAME: &str = r"[^\s\S]";

/// Keywords that hold a schema or a list of them.
const SCHEMAS: [&str; 15] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords that hold schemas by name.
const TABLES: [&str; 6] = [
    "$defs",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "properties",
];

/// Keywords that hold values, where a `pattern` is none.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];

/// Rewrites all patterns of a schema for the values that it will check.
///
/// # Errors
/// Says which pattern is none in Go's grammar, or that the names take too much room.
pub(super) fn rewrite(schema: &mut Value, values: &Value) -> Result<(), String> {
    let mut names = BTreeSet::new();
    collect(values, &mut names);
    let old = schema.get("$schema").and_then(Value::as_str);
    let mut rewriting = Rewriting {
        names,
        room: ROOM,
        old_draft: old.is_some_and(|draft| draft.contains("/draft-0")),
        keeps_tables: leads_into_patterns(schema),
    };
    rewriting.schema(schema, true)
}

/// Every name of a property, at any depth.
fn collect<'v>(value: &'v Value, names: &mut BTreeSet<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name);
                collect(value, names);
            }
        }
        _ => {}
    }
}

/// Whether a reference goes through a pattern, which must keep its text then.
fn leads_into_patterns(schema: &Value) -> bool {
    match schema {
        Value::Array(items) => items.iter().any(leads_into_patterns),
        Value::Object(fields) => fields.iter().any(|(key, value)| match value {
            Value::String(text) => key == "$ref" && text.contains("/patternProperties/"),
            other => leads_into_patterns(other),
        }),
        _ => false,
    }
}

struct Rewriting<'v> {
    names: BTreeSet<&'v str>,
    room: usize,
    /// Whether the schema is of a draft that knows no `$defs`.
    old_draft: bool,
    keeps_tables: bool,
}

impl Rewriting<'_> {
    /// Rewrites a schema or a list of schemas. Below a keyword that nobody knows, what is no pattern is refused only
    /// once something refers to it.
    fn schema(&mut self, schema: &mut Value, known: bool) -> Result<(), String> {
        match schema {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.schema(item, known)),
            Value::Object(fields) => self.fields(fields, known),
            _ => Ok(()),
        }
    }

    fn fields(&mut self, fields: &mut Map<String, Value>, known: bool) -> Result<(), String> {
        if let Some(Value::String(pattern)) = fields.get("pattern") {
            if known {
                matches(pattern, "")?;
            }
            let pattern = fields.remove("pattern");
            fields.extend(pattern.map(|pattern| (PATTERN.to_owned(), pattern)));
        }
        if let Some(Value::Object(table)) = fields.get_mut("patternProperties")
            && !self.keeps_tables
        {
            *table = self.by_name(std::mem::take(table), known)?;
        }
        for (key, value) in fields {
            let key = key.as_str();
            match value {
                _ if VALUES.contains(&key) => {}
                Value::Object(table) if TABLES.contains(&key) => {
                    let known = known && !(self.old_draft && key == "$defs");
                    for schema in table.values_mut() {
                        self.schema(schema, known)?;
                    }
                }
                other => self.schema(other, known && SCHEMAS.contains(&key))?,
            }
        }
        Ok(())
    }

    /// The schemas of `patternProperties` by lists of names.
    fn by_name(&mut self, table: Map<String, Value>, known: bool) -> Result<Map<String, Value>, String> {
        let mut lists = Map::new();
        for (pattern, schema) in table {
            let mut list = match self.list(&pattern) {
                Err(_) if !known => pattern,
                list => list?,
            };
            // Two patterns may match the same names, and both schemas count.
            while lists.contains_key(&list) {
                list.insert_str(0, "(?:)");
            }
            self.room = self
                .room
                .checked_sub(list.len())
                .ok_or("the names that match its patterns take too much room")?;
            lists.insert(list, schema);
        }
        Ok(lists)
    }

    /// An expression, the same in every grammar, for the names that match a pattern.
    fn list(&self, pattern: &str) -> Result<String, String> {
        let mut matching = Vec::new();
        for name in &self.names {
            if matches(pattern, name)? {
                matching.push(regex::escape(name));
            }
        }
        if matching.is_empty() {
            matches(pattern, "")?;
            return Ok(NO_NAME.to_owned());
        }
        Ok(format!("^({})$", matching.join("|")))
    }
}

fn matches(pattern: &str, text: &str) -> Result<bool, String> {
    regex_matches(pattern, text).map_err(|error| format!("'{pattern}' is no pattern: {error}"))
}

/// Makes the keyword that stands for `pattern`.
pub(super) fn keyword<'a>(pattern: &'a Value) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let pattern = pattern.as_str().unwrap_or_default();
    matches(pattern, "").map_err(ValidationError::custom)?;
    Ok(Box::new(Pattern(pattern.to_owned())))
}

struct Pattern(String);

impl<'i> Keyword<'i> for Pattern {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            return Ok(());
        }
        let mut shown = instance.to_string();
        if shown.len() > VALUE_SHOWN {
            "the value".clone_into(&mut shown);
        }
        Err(ValidationError::custom(format!(
            "{shown} does not match \"{}\"",
            self.0
        )))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        instance
            .as_str()
            .is_none_or(|text| regex_matches(&self.0, text).unwrap_or(false))
    }
}
