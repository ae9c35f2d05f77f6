//! One decision of the values, and sets of them.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

/// A path of keys in the values.
pub(super) type Path = Vec<String>;

/// Names that switch something on.
const SWITCH_WORDS: [&str; 9] = [
    "enabled", "enable", "create", "install", "deploy", "use", "active", "start", "run",
];

/// What stands where the values have nothing.
pub(super) const FILLED_IN: &str = "filled-in";

/// What a decision is set to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// A truth value.
    Bool(bool),
    /// A mode that the templates or the schema know.
    Text(String),
    /// A number that was zero.
    One,
    /// Something where a value is required.
    Filled,
    /// Something where the values have nothing and a condition asks.
    Given(Given),
}

/// What is put where the values have nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Given {
    /// A text.
    Text,
    /// A list with a table in it, since templates read fields of the entries more often than not.
    List,
    /// A table with one entry.
    Table,
}

impl Setting {
    /// Whether it puts something that means nothing where the values have nothing.
    pub(super) fn is_filling(&self) -> bool {
        matches!(self, Self::Filled | Self::Given(_))
    }

    /// Whether it is that because a condition asks.
    pub(super) fn is_given(&self) -> bool {
        matches!(self, Self::Given(_))
    }

    fn json(&self) -> Value {
        let filled = || Value::String(FILLED_IN.to_owned());
        let table = |key: &str| Value::Object(Map::from_iter([(key.to_owned(), filled())]));
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Text(text) => Value::String(text.clone()),
            Self::One => Value::from(1),
            Self::Filled | Self::Given(Given::Text) => filled(),
            Self::Given(Given::List) => Value::Array(vec![table("name")]),
            Self::Given(Given::Table) => table(FILLED_IN),
        }
    }
}

/// A change to the conditions of a render.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Switch {
    /// A value.
    Value {
        /// Where in the values.
        path: Vec<String>,
        /// What it becomes.
        setting: Setting,
    },
    /// API versions that the cluster has.
    Apis(BTreeSet<String>),
    /// An upgrade instead of an installation.
    Upgrade,
}

impl Switch {
    pub(super) fn new(path: Path, setting: Setting) -> Self {
        Self::Value { path, setting }
    }

    /// Lower is tried earlier: switches that say so, then other truth values, modes, switching off, and what is empty at last.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Apis(_) => 0,
            Self::Value { path, setting } => match setting {
                Setting::Bool(true) if is_switch(path) => 1,
                Setting::Bool(true) => 2,
                Setting::Text(_) => 3,
                Setting::One => 4,
                Setting::Bool(false) => 6,
                Setting::Filled => 0,
                Setting::Given(_) => 7,
            },
            Self::Upgrade => 5,
        }
    }
}

/// Whether a path ends in a name that switches something on.
pub(super) fn is_switch(path: &[String]) -> bool {
    let Some(name) = path.last().map(|name| name.to_lowercase()) else {
        return false;
    };
    SWITCH_WORDS.iter().any(|word| {
        name == *word || name.ends_with("enabled") || name.starts_with("deploy") || name.starts_with("use")
    })
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { path, setting } => {
                for (index, key) in path.iter().enumerate() {
                    let dot = if index > 0 { "." } else { "" };
                    write!(
                        f,
                        "{dot}{}",
                        crate::secret::printable(&key.replace('.', "\\."), 80)
                    )?;
                }
                match setting {
                    Setting::Bool(value) => write!(f, "={value}"),
                    Setting::Text(text) => write!(f, "={}", crate::secret::printable(text, 80)),
                    Setting::One => f.write_str("=1"),
                    Setting::Filled | Setting::Given(Given::Text) => f.write_str("=(any value)"),
                    Setting::Given(Given::List) => f.write_str("[0].name=(any value)"),
                    Setting::Given(Given::Table) => write!(f, ".{FILLED_IN}=(any value)"),
                }
            }
            Self::Apis(apis) => {
                let apis: Vec<&str> = apis.iter().map(String::as_str).collect();
                write!(
                    f,
                    "--api-versions {}",
                    crate::secret::printable(&apis.join(","), 300)
                )
            }
            Self::Upgrade => f.write_str("an upgrade"),
        }
    }
}

/// Switches that are set together, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Switches(pub(super) Vec<Switch>);

impl Switches {
    pub(super) fn with(&self, switch: Switch) -> Self {
        let mut all = self.0.clone();
        all.push(switch);
        Self(all)
    }

    /// How many of them were chosen, and not merely filled in.
    pub(super) fn chosen(&self) -> usize {
        self.0.len() - self.filled()
    }

    /// Lower is rendered earlier: what its last switch deserves, later for each one that it builds on.
    pub(super) fn urgency(&self) -> usize {
        let rank = self.0.last().map_or(0, Switch::rank);
        usize::from(rank) + self.chosen().saturating_sub(1)
    }

    pub(super) fn filled(&self) -> usize {
        let filled = |s: &&Switch| {
            matches!(
                s,
                Switch::Value {
                    setting: Setting::Filled,
                    ..
                }
            )
        };
        self.0.iter().filter(filled).count()
    }

    /// Whether one of them is about the cluster or the release, which any template may ask for.
    pub(super) fn of_the_cluster(&self) -> bool {
        let is_value = |s: &Switch| matches!(s, Switch::Value { .. });
        !self.0.iter().all(is_value)
    }

    pub(super) fn touches(&self, path: &[String]) -> bool {
        self.0
            .iter()
            .any(|s| matches!(s, Switch::Value { path: own, .. } if own == path))
    }

    /// The same set whatever the order.
    pub(super) fn key(&self) -> Vec<Switch> {
        let mut key = self.0.clone();
        key.sort();
        key
    }

    /// The values as `--set-json` takes them.
    pub(super) fn json(&self) -> String {
        let mut root = Map::new();
        for switch in &self.0 {
            if let Switch::Value { path, setting } = switch {
                put(&mut root, path, setting.json());
            }
        }
        Value::Object(root).to_string()
    }

    pub(super) fn apis(&self) -> impl Iterator<Item = &String> {
        self.0
            .iter()
            .filter_map(|switch| match switch {
                Switch::Apis(apis) => Some(apis),
                _ => None,
            })
            .flatten()
    }
}

fn put(map: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            map.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let below = map
                .entry(first.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if !below.is_object() {
                *below = Value::Object(Map::new());
            }
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

impl fmt::Display for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, switch) in self.0.iter().enumerate() {
            let and = if index > 0 { " and " } else { "" };
            write!(f, "{and}{switch}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn switches_become_one_tree_of_values_and_say_what_they_set() {
        let switches = Switches::default()
            .with(Switch::new(path("metrics.enabled"), Setting::Bool(true)))
            .with(Switch::new(
                path("metrics.mode"),
                Setting::Text("full".to_owned()),
            ));
        assert_eq!(switches.json(), r#"{"metrics":{"enabled":true,"mode":"full"}}"#);
        assert_eq!(switches.to_string(), "metrics.enabled=true and metrics.mode=full");
    }

    #[test]
    fn what_is_empty_is_filled_as_the_text_of_the_switch_says() {
        for (given, json, text) in [
            (Given::Text, r#"{"a":"filled-in"}"#, "a=(any value)"),
            (
                Given::List,
                r#"{"a":[{"name":"filled-in"}]}"#,
                "a[0].name=(any value)",
            ),
            (
                Given::Table,
                r#"{"a":{"filled-in":"filled-in"}}"#,
                "a.filled-in=(any value)",
            ),
        ] {
            let switches = Switches::default().with(Switch::new(path("a"), Setting::Given(given)));
            assert_eq!(
                (switches.json().as_str(), switches.to_string().as_str()),
                (json, text)
            );
        }
    }

    #[test]
    fn what_names_a_switch_is_tried_before_the_rest() {
        let switch = |text: &str, value| Switch::new(path(text), Setting::Bool(value));
        assert!(switch("a.enabled", true).rank() < switch("a.verbose", true).rank());
        assert!(switch("a.verbose", true).rank() < switch("a.enabled", false).rank());
    }
}
