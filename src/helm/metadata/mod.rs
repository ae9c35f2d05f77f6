//! `Chart.yaml`, `requirements.yaml` and the lock files.

mod text;

use std::collections::BTreeMap;

use text::sanitise;

use super::decode::{self, Decode, Mismatch};
use crate::goyaml::Value;
use crate::version::Version;

/// What `Chart.yaml` says. Text fields are free of control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The name; never `.` or `..`, never with a `/`.
    pub name: String,
    /// The project's page.
    pub home: String,
    /// Where the sources are.
    pub sources: Vec<String>,
    /// The chart's own version, as written.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who looks after it.
    pub maintainers: Vec<Maintainer>,
    /// An image, as a URL.
    pub icon: String,
    /// `v1` or `v2`; `v1` if the file does not say.
    pub api_version: String,
    /// Helm 2's condition of the chart itself.
    pub condition: String,
    /// Helm 2's tags of the chart itself.
    pub tags: String,
    /// The version of what the chart installs.
    pub app_version: String,
    /// Whether nobody should start using it.
    pub deprecated: bool,
    /// Notes for other tools, e.g. `images`; nothing if the file has no such field.
    pub annotations: Option<BTreeMap<String, String>>,
    /// A constraint on the version of Kubernetes.
    pub kube_version: String,
    /// The charts it depends on, from here or from `requirements.yaml`.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library` or nothing.
    pub kind: String,
    /// A list of the file that holds an empty entry, where Helm wants none.
    pub(in crate::helm) empty_node: Option<&'static str>,
    /// Lists that the file has, and nothing in them: to Go that is another thing than no list.
    pub(in crate::helm) empty_lists: Vec<&'static str>,
}

/// A person or group that looks after a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// The name.
    pub name: String,
    /// A mail address.
    pub email: String,
    /// A page.
    pub url: String,
}

/// A chart that another one depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependency {
    /// The name of the chart; once dependencies are processed, the alias if there is one.
    pub name: String,
    /// A version range.
    pub version: String,
    /// Where it was fetched from.
    pub repository: String,
    /// Paths of values, by comma, that switch it on or off.
    pub condition: String,
    /// Groups that switch it on or off.
    pub tags: Vec<String>,
    /// `enabled`; Helm computes this field and ignores what the file says.
    pub enabled: bool,
    /// Values to take over from it.
    pub import_values: Vec<ImportValue>,
    /// The name under which this chart uses it.
    pub alias: String,
}

/// One entry of a dependency's `import-values`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImportValue {
    /// A name below the child's `exports`.
    Export(String),
    /// From a path of the child to a path of the parent.
    Path {
        /// The path in the child.
        child: String,
        /// The path in the parent.
        parent: String,
    },
    /// Something that Helm ignores.
    #[default]
    Other,
}

/// `Chart.lock`: which versions the ranges were resolved to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// When it was written, as in the file.
    pub generated: String,
    /// A hash of the dependencies that were resolved.
    pub digest: String,
    /// The resolved dependencies.
    pub dependencies: Vec<Dependency>,
}

/// Why a `Chart.yaml` is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalid {
    /// A required field is missing or empty.
    #[error("chart.metadata.{field} is required")]
    Required {
        /// The field.
        field: &'static str,
    },
    /// The name is `.` or `..`: it would become a path.
    #[error("chart.metadata.name {name:?} is not allowed")]
    NameNotAllowed {
        /// The name.
        name: String,
    },
    /// The name holds a path.
    #[error("chart.metadata.name {name:?} is invalid")]
    Name {
        /// The name.
        name: String,
    },
    /// The version is no semantic version.
    #[error("chart.metadata.version {version:?} is invalid")]
    Version {
        /// The version.
        version: String,
    },
    /// The type is neither application nor library.
    #[error("chart.metadata.type must be application or library")]
    Type,
    /// A list of maintainers or dependencies has an empty entry.
    #[error("{list} must not contain empty or null nodes")]
    EmptyNode {
        /// Which list.
        list: &'static str,
    },
    /// An alias has characters other than letters, digits, `_` and `-`.
    #[error("dependency {name:?} has disallowed characters in the alias")]
    Alias {
        /// The dependency.
        name: String,
    },
    /// Two dependencies would use the same values.
    #[error("more than one dependency with name or alias {name:?}")]
    Duplicate {
        /// The name.
        name: String,
    },
}

impl Metadata {
    /// Takes over the fields of a document; those it does not name stay as they are.
    pub(super) fn read(&mut self, document: &Value) -> Result<(), Mismatch> {
        let Some(fields) = decode::fields(document)? else {
            return Ok(());
        };
        for (key, value) in fields {
            let field = decode::field(key, &FIELDS);
            self.note_empty_nodes(field, value);
            self.note_empty_list(field, value);
            match field {
                Some("name") => self.name.decode(value)?,
                Some("home") => self.home.decode(value)?,
                Some("sources") => self.sources.decode(value)?,
                Some("version") => self.version.decode(value)?,
                Some("description") => self.description.decode(value)?,
                Some("keywords") => self.keywords.decode(value)?,
                Some("maintainers") => self.maintainers.decode(value)?,
                Some("icon") => self.icon.decode(value)?,
                Some("apiVersion") => self.api_version.decode(value)?,
                Some("condition") => self.condition.decode(value)?,
                Some("tags") => self.tags.decode(value)?,
                Some("appVersion") => self.app_version.decode(value)?,
                Some("deprecated") => self.deprecated.decode(value)?,
                Some("annotations") if value.is_null() => self.annotations = None,
                Some("annotations") => self.annotations.get_or_insert_default().decode(value)?,
                Some("kubeVersion") => self.kube_version.decode(value)?,
                Some("dependencies") => self.dependencies.decode(value)?,
                Some("type") => self.kind.decode(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn note_empty_nodes(&mut self, field: Option<&'static str>, value: &Value) {
        let list = field.filter(|name| ["maintainers", "dependencies"].contains(name));
        if value.as_seq().is_some_and(|items| items.contains(&Value::Null)) {
            self.empty_node = self.empty_node.or(list);
        }
    }

    fn note_empty_list(&mut self, field: Option<&'static str>, value: &Value) {
        let Some(field) = field else { return };
        self.empty_lists.retain(|name| *name != field);
        if value.as_seq().is_some_and(<[_]>::is_empty) {
            self.empty_lists.push(field);
        }
    }

    /// Cleans the text fields and checks what Helm checks.
    pub(super) fn validate(&mut self) -> Result<(), Invalid> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitise(text);
        }
        self.sources.iter_mut().for_each(sanitise);
        self.keywords.iter_mut().for_each(sanitise);
        self.validate_identity()?;
        for maintainer in &mut self.maintainers {
            for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
                sanitise(text);
            }
        }
        if let Some(list) = self.empty_node {
            return Err(Invalid::EmptyNode { list });
        }
        self.validate_dependencies()
    }

    fn validate_identity(&self) -> Result<(), Invalid> {
        for (field, text) in [("apiVersion", &self.api_version), ("name", &self.name)] {
            if text.is_empty() {
                return Err(Invalid::Required { field });
            }
        }
        if self.name == "." || self.name == ".." {
            return Err(Invalid::NameNotAllowed {
                name: self.name.clone(),
            });
        }
        if self.name.contains('/') {
            return Err(Invalid::Name {
                name: self.name.clone(),
            });
        }
        if self.version.is_empty() {
            return Err(Invalid::Required { field: "version" });
        }
        if Version::parse(&self.version).is_err() {
            return Err(Invalid::Version {
                version: self.version.clone(),
            });
        }
        if !["", "application", "library"].contains(&self.kind.as_str()) {
            return Err(Invalid::Type);
        }
        Ok(())
    }

    fn validate_dependencies(&mut self) -> Result<(), Invalid> {
        let mut seen = Vec::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            for text in [
                &mut dependency.name,
                &mut dependency.version,
                &mut dependency.repository,
                &mut dependency.condition,
            ] {
                sanitise(text);
            }
            dependency.tags.iter_mut().for_each(sanitise);
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if !dependency.alias.chars().all(plain) {
                return Err(Invalid::Alias {
                    name: dependency.name.clone(),
                });
            }
            let key = if dependency.alias.is_empty() {
                &dependency.name
            } else {
                &dependency.alias
            };
            if seen.contains(key) {
                return Err(Invalid::Duplicate { name: key.clone() });
            }
            seen.push(key.clone());
        }
        Ok(())
    }
}

const FIELDS: [&str; 17] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];

impl Decode for Maintainer {
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        for (key, value) in decode::fields(value)?.into_iter().flatten() {
            match decode::field(key, &["name", "email", "url"]) {
                Some("name") => self.name.decode(value)?,
                Some("email") => self.email.decode(value)?,
                Some("url") => self.url.decode(value)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Decode for Dependency {
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        const FIELDS: [&str; 8] = [
            "name",
            "version",
            "repository",
            "condition",
            "tags",
            "enabled",
            "import-values",
            "alias",
        ];
        for (key, value) in decode::fields(value)?.into_iter().flatten() {
            match decode::field(key, &FIELDS) {
                Some("name") => self.name.decode(value)?,
                Some("version") => self.version.decode(value)?,
                Some("repository") => self.repository.decode(value)?,
                Some("condition") => self.condition.decode(value)?,
                Some("tags") => self.tags.decode(value)?,
                Some("enabled") => self.enabled.decode(value)?,
                Some("import-values") => self.import_values.decode(value)?,
                Some("alias") => self.alias.decode(value)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Decode for ImportValue {
    fn decode(&mut self, value: &Value) -> Result<(), Mismatch> {
        *self = match value {
            Value::String(name) => Self::Export(name.clone()),
            Value::Map(map) => Self::Path {
                child: decode::printed(map.get("child")),
                parent: decode::printed(map.get("parent")),
            },
            _ => Self::Other,
        };
        Ok(())
    }
}

impl Lock {
    /// Reads a lock file's document.
    pub(super) fn read(document: &Value) -> Result<Self, Mismatch> {
        let mut lock = Self::default();
        for (key, value) in decode::fields(document)?.into_iter().flatten() {
            match decode::field(key, &["generated", "digest", "dependencies"]) {
                Some("generated") => lock.generated.decode(value)?,
                Some("digest") => lock.digest.decode(value)?,
                Some("dependencies") => lock.dependencies.decode(value)?,
                _ => {}
            }
        }
        Ok(lock)
    }
}

#[cfg(test)]
mod tests;
