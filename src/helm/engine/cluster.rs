//! `.Capabilities` and what hangs below it.

use std::any::Any;
use std::rc::Rc;

use crate::gotemplate::{Arguments, Engine, Failure, GoString, Kind, List, Object, Signature, Type, Value};
use crate::helm::capabilities::{Capabilities, KubeVersion};
use crate::helm::profile::Profile;

static CAPABILITIES: [Type; 2] = [
    Type::named("*chartutil.Capabilities", Kind::Pointer),
    Type::named("*common.Capabilities", Kind::Pointer),
];
static KUBE_VERSION: [Type; 2] = [
    Type::named("chartutil.KubeVersion", Kind::Struct),
    Type::named("common.KubeVersion", Kind::Struct),
];
static VERSION_SET: [Type; 2] = [
    Type::named_slice("chartutil.VersionSet", Type::STRING),
    Type::named_slice("common.VersionSet", Type::STRING),
];
static BUILD_INFO: Type = Type::named("version.BuildInfo", Kind::Struct);
static TEXT: Signature = Signature::of(&[Type::STRING]);
static NOTHING: Signature = Signature::of(&[]);

/// The Go release that Helm's own releases of both profiles are built with.
const GO_VERSION: &str = "go1.26.8";

fn of(types: &'static [Type; 2], profile: Profile) -> &'static Type {
    let [old, new] = types;
    if profile.is_helm4() { new } else { old }
}

/// `.Capabilities` as templates see it.
pub(super) fn value(capabilities: &Capabilities) -> Value {
    let profile = capabilities.profile;
    let versions = List::typed(
        of(&VERSION_SET, profile),
        capabilities
            .api_versions
            .iter()
            .map(|v| Value::string(v.as_str()))
            .collect(),
    );
    Value::Object(Rc::new(Cluster {
        profile,
        kube: kube(&capabilities.kube, profile),
        versions: Value::Object(Rc::new(Versions(versions))),
        helm: Value::Object(Rc::new(Helm(profile))),
    }))
}

/// The version and the copy that functions get of it: always the same one, so that it equals itself.
fn kube(version: &KubeVersion, profile: Profile) -> Value {
    let copy = Kube {
        version: version.clone(),
        profile,
        copy: None,
    };
    Value::Object(Rc::new(Kube {
        version: version.clone(),
        profile,
        copy: Some(Value::Object(Rc::new(copy))),
    }))
}

#[derive(Debug)]
struct Cluster {
    profile: Profile,
    kube: Value,
    versions: Value,
    helm: Value,
}

impl Object for Cluster {
    fn go_type(&self) -> &'static Type {
        of(&CAPABILITIES, self.profile)
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        match name {
            b"KubeVersion" => Some(self.kube.clone()),
            b"APIVersions" => Some(self.versions.clone()),
            b"HelmVersion" => Some(self.helm.clone()),
            _ => None,
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        &["KubeVersion", "APIVersions", "HelmVersion"]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct Kube {
    version: KubeVersion,
    profile: Profile,
    /// What functions get. It has none itself, and no methods: Helm gave these to the pointer.
    copy: Option<Value>,
}

impl Object for Kube {
    fn go_type(&self) -> &'static Type {
        of(&KUBE_VERSION, self.profile)
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        let text = match name {
            b"Version" => &self.version.version,
            b"Major" => &self.version.major,
            b"Minor" => &self.version.minor,
            _ => return None,
        };
        Some(Value::string(text.as_str()))
    }

    fn fields(&self) -> &'static [&'static str] {
        if self.profile.is_helm4() {
            &["Version", "normalizedVersion", "Major", "Minor"]
        } else {
            &["Version", "Major", "Minor"]
        }
    }

    fn hidden_field(&self, name: &[u8]) -> Option<Value> {
        (name == b"normalizedVersion").then(|| Value::string(self.version.normalised.as_str()))
    }

    fn copied(&self) -> Option<Value> {
        self.copy.clone()
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        (self.copy.is_some() && matches!(name, b"String" | b"GitVersion")).then_some(&NOTHING)
    }

    fn call(&self, name: &[u8], _: Arguments<'_>, _: &mut dyn Engine) -> Result<Value, Failure> {
        Ok(Value::string(match name {
            b"GitVersion" => self.version.version.as_str(),
            _ => self.version.normalised.as_str(),
        }))
    }

    fn display(&self) -> Option<GoString> {
        let is_held = self.copy.is_some();
        is_held.then(|| self.version.normalised.as_str().into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct Versions(List);

impl Object for Versions {
    fn go_type(&self) -> &'static Type {
        self.0.go_type()
    }

    fn method(&self, name: &[u8]) -> Option<&'static Signature> {
        (name == b"Has").then_some(&TEXT)
    }

    fn call(&self, _: &[u8], arguments: Arguments<'_>, engine: &mut dyn Engine) -> Result<Value, Failure> {
        let wanted = arguments.text(0)?;
        let has = self.0.iter().any(|v| v.as_text() == Some(wanted));
        engine.capability(wanted, has);
        Ok(Value::Bool(has))
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::List(self.0.clone()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct Helm(Profile);

impl Object for Helm {
    fn go_type(&self) -> &'static Type {
        &BUILD_INFO
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        Some(Value::string(match name {
            b"Version" => self.0.helm_version(),
            b"GitCommit" | b"GitTreeState" => "",
            b"GoVersion" => GO_VERSION,
            b"KubeClientVersion" if self.0.is_helm4() => "v1.36",
            _ => return None,
        }))
    }

    fn encoded(&self) -> Option<Vec<(String, Value)>> {
        let mut names = vec![("version", "Version"), ("go_version", "GoVersion")];
        if self.0.is_helm4() {
            names.push(("kube_client_version", "KubeClientVersion"));
        }
        let entries = names
            .iter()
            .filter_map(|(tag, name)| Some(((*tag).to_owned(), self.field(name.as_bytes())?)));
        Some(entries.collect())
    }

    fn fields(&self) -> &'static [&'static str] {
        if self.0.is_helm4() {
            &[
                "Version",
                "GitCommit",
                "GitTreeState",
                "GoVersion",
                "KubeClientVersion",
            ]
        } else {
            &["Version", "GitCommit", "GitTreeState", "GoVersion"]
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
