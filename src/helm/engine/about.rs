//! `.Chart`: a struct around the struct `Metadata` in Helm 3, a map with the same names in Helm 4.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::gotemplate::{GoString, Kind, List, Map, Object, Type, Value};
use crate::helm::metadata::{Dependency, ImportValue, Maintainer, Metadata};
use crate::helm::profile::Profile;

static CHART: Type = Type::named("struct { chart.Metadata; IsRoot bool }", Kind::Struct);
static METADATA: Type = Type::named("chart.Metadata", Kind::Struct);
static MAINTAINER: Type = Type::named("*chart.Maintainer", Kind::Pointer);
static MAINTAINERS: Type = Type::slice("[]*chart.Maintainer", &MAINTAINER);
static DEPENDENCY: Type = Type::named("*chart.Dependency", Kind::Pointer);
static DEPENDENCIES: Type = Type::slice("[]*chart.Dependency", &DEPENDENCY);

/// Fields in order of declaration.
const FIELDS: [&str; 17] = [
    "Name",
    "Home",
    "Sources",
    "Version",
    "Description",
    "Keywords",
    "Maintainers",
    "Icon",
    "APIVersion",
    "Condition",
    "Tags",
    "AppVersion",
    "Deprecated",
    "Annotations",
    "KubeVersion",
    "Dependencies",
    "Type",
];
const MAINTAINER_FIELDS: [&str; 3] = ["Name", "Email", "URL"];
const DEPENDENCY_FIELDS: [&str; 8] = [
    "Name",
    "Version",
    "Repository",
    "Condition",
    "Tags",
    "Enabled",
    "ImportValues",
    "Alias",
];

/// `.Chart` as templates see it.
pub(super) fn value(metadata: &Metadata, is_root: bool, profile: Profile) -> Value {
    let fields = chart_fields(metadata, profile);
    if profile.is_helm4() {
        let fields = fields.into_iter().chain([("IsRoot", is_root.into())]);
        return Value::Map(fields.collect());
    }
    let metadata = Record {
        ty: &METADATA,
        names: &FIELDS,
        fields: map(fields),
    };
    Value::Object(Rc::new(Chart {
        metadata: Rc::new(metadata),
        is_root,
    }))
}

fn chart_fields(metadata: &Metadata, profile: Profile) -> [(&'static str, Value); FIELDS.len()] {
    let text = |text: &String| Value::string(text.as_str());
    let is_written = |name: &str| metadata.empty_lists.contains(&name);
    let texts = |items: &Vec<String>, name| texts(items, is_written(name), profile);
    let maintainers: Vec<Value> = metadata
        .maintainers
        .iter()
        .map(|m| maintainer(m, profile))
        .collect();
    let declared = metadata.dependencies.iter().flatten();
    let dependencies: Vec<Value> = declared.map(|d| dependency(d, profile)).collect();
    let is_nil = maintainers.is_empty() && !is_written("maintainers");
    let maintainers = list(&MAINTAINERS, maintainers, is_nil, profile);
    let is_nil = dependencies.is_empty();
    let dependencies = list(&DEPENDENCIES, dependencies, is_nil, profile);
    [
        ("Name", text(&metadata.name)),
        ("Home", text(&metadata.home)),
        ("Sources", texts(&metadata.sources, "sources")),
        ("Version", text(&metadata.version)),
        ("Description", text(&metadata.description)),
        ("Keywords", texts(&metadata.keywords, "keywords")),
        ("Maintainers", maintainers),
        ("Icon", text(&metadata.icon)),
        ("APIVersion", text(&metadata.api_version)),
        ("Condition", text(&metadata.condition)),
        ("Tags", text(&metadata.tags)),
        ("AppVersion", text(&metadata.app_version)),
        ("Deprecated", metadata.deprecated.into()),
        ("Annotations", annotations(metadata.annotations.as_ref())),
        ("KubeVersion", text(&metadata.kube_version)),
        ("Dependencies", dependencies),
        ("Type", text(&metadata.kind)),
    ]
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> Map {
    fields.into_iter().collect()
}

fn texts(items: &[String], is_written: bool, profile: Profile) -> Value {
    let values = items.iter().map(|t| Value::string(t.as_str())).collect();
    list(Type::STRINGS, values, items.is_empty() && !is_written, profile)
}

/// Helm 4 makes new lists of all, and none of them is nil.
fn list(ty: &'static Type, items: Vec<Value>, is_nil: bool, profile: Profile) -> Value {
    match profile {
        Profile::Helm4 => List::any(items).into(),
        Profile::Helm3 if is_nil => List::nil(ty).into(),
        Profile::Helm3 => List::typed(ty, items).into(),
    }
}

fn annotations(entries: Option<&BTreeMap<String, String>>) -> Value {
    let Some(entries) = entries else {
        return Map::nil(Type::STRING_MAP).into();
    };
    let entries = entries.iter();
    let entries = entries.map(|(k, v)| (GoString::from(k.as_str()), Value::string(v.as_str())));
    Map::with_entries(Type::STRING_MAP, entries.collect()).into()
}

fn maintainer(maintainer: &Maintainer, profile: Profile) -> Value {
    let fields = map([
        ("Name", Value::string(maintainer.name.as_str())),
        ("Email", Value::string(maintainer.email.as_str())),
        ("URL", Value::string(maintainer.url.as_str())),
    ]);
    below(&MAINTAINER, &MAINTAINER_FIELDS, fields, profile)
}

fn dependency(dependency: &Dependency, profile: Profile) -> Value {
    let imports: Vec<Value> = dependency.import_values.iter().filter_map(import).collect();
    let is_nil = imports.is_empty();
    let imports = list(Type::ANYS, imports, is_nil, profile);
    let fields = map([
        ("Name", Value::string(dependency.name.as_str())),
        ("Version", Value::string(dependency.version.as_str())),
        ("Repository", Value::string(dependency.repository.as_str())),
        ("Condition", Value::string(dependency.condition.as_str())),
        ("Tags", texts(&dependency.tags, false, profile)),
        ("Enabled", dependency.enabled.into()),
        ("ImportValues", imports),
        ("Alias", Value::string(dependency.alias.as_str())),
    ]);
    below(&DEPENDENCY, &DEPENDENCY_FIELDS, fields, profile)
}

/// Helm rewrites every import as a pair of paths before templates see it.
fn import(entry: &ImportValue) -> Option<Value> {
    let (child, parent) = match entry {
        ImportValue::Export(name) => (format!("exports.{name}"), ".".to_owned()),
        ImportValue::Path { child, parent } => (child.clone(), parent.clone()),
        ImportValue::Other => return None,
    };
    let entries = [("child".into(), child.into()), ("parent".into(), parent.into())];
    Some(Map::with_entries(Type::STRING_MAP, entries.into()).into())
}

fn below(ty: &'static Type, names: &'static [&'static str], fields: Map, profile: Profile) -> Value {
    if profile.is_helm4() {
        Value::Map(fields)
    } else {
        record(ty, names, fields)
    }
}

fn record(ty: &'static Type, names: &'static [&'static str], fields: Map) -> Value {
    Value::Object(Rc::new(Record { ty, names, fields }))
}

/// The name that Go's `json` tag gives a field.
fn tag(field: &'static str) -> String {
    match field {
        "APIVersion" => "apiVersion".to_owned(),
        "URL" => "url".to_owned(),
        "ImportValues" => "import-values".to_owned(),
        _ => {
            let mut letters = field.chars();
            letters.next().map_or_else(String::new, |first| {
                format!("{}{}", first.to_ascii_lowercase(), letters.as_str())
            })
        }
    }
}

/// Helm 3's chart. Go embeds its metadata: their fields are its own, too, but for printing.
#[derive(Debug)]
struct Chart {
    metadata: Rc<Record>,
    is_root: bool,
}

impl Object for Chart {
    fn go_type(&self) -> &'static Type {
        &CHART
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        match name {
            b"Metadata" => Some(Value::Object(Rc::<Record>::clone(&self.metadata))),
            b"IsRoot" => Some(self.is_root.into()),
            _ => self.metadata.field(name),
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        &["Metadata", "IsRoot"]
    }

    fn exported(&self) -> Vec<(&'static str, Value)> {
        let mut fields = self.metadata.exported();
        fields.push(("IsRoot", self.is_root.into()));
        fields
    }

    fn encoded(&self) -> Option<Vec<(String, Value)>> {
        let mut entries = self.metadata.encoded()?;
        entries.push(("IsRoot".to_owned(), self.is_root.into()));
        Some(entries)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A struct: named fields and nothing else.
#[derive(Debug)]
struct Record {
    ty: &'static Type,
    names: &'static [&'static str],
    fields: Map,
}

impl Object for Record {
    fn go_type(&self) -> &'static Type {
        self.ty
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        self.fields.get(name)
    }

    fn fields(&self) -> &'static [&'static str] {
        self.names
    }

    fn encoded(&self) -> Option<Vec<(String, Value)>> {
        let entries = self.names.iter().filter_map(|name| {
            let value = self.fields.get(name.as_bytes())?;
            (*name == "Repository" || value.truth()).then(|| (tag(name), value))
        });
        Some(entries.collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
