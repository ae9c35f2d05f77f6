//! Kubernetes objects as JSON: `kubectl get events -A -o json`, `kubectl get pods -A -o json`.

use serde_json::Value;

/// What one object says.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// When, as it is written there.
    when: String,
    /// The pod.
    pub(super) asker: Option<String>,
    /// An image that a container waits for.
    pub(super) image: Option<String>,
    /// Or the sentence of an event.
    pub(super) text: String,
}

/// Reasons for which a container waits for its image.
const WAITING: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Everything that a document says, in the order of time; `None` if it is no Kubernetes object.
pub(super) fn read(document: &Value) -> Option<Vec<Report>> {
    document.get("kind")?.as_str()?;
    let one = std::slice::from_ref(document);
    let items = document.get("items").and_then(Value::as_array);
    let mut reports = Vec::new();
    for item in items.map_or(one, Vec::as_slice) {
        match item.get("kind").and_then(Value::as_str) {
            Some("Event") => reports.push(event(item)),
            Some("Pod") => reports.extend(pod(item)),
            _ => {}
        }
    }
    reports.sort_by(|a, b| a.when.cmp(&b.when));
    Some(reports)
}

fn event(item: &Value) -> Report {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let times = ["lastTimestamp", "deprecatedLastTimestamp", "eventTime"];
    let about = item.get("involvedObject").or_else(|| item.get("regarding"));
    Report {
        when: times
            .iter()
            .find_map(|key| text(key))
            .unwrap_or_default()
            .to_owned(),
        asker: about.and_then(|about| name(about, "Pod")),
        image: None,
        text: text("message")
            .or_else(|| text("note"))
            .unwrap_or_default()
            .to_owned(),
    }
}

fn pod(item: &Value) -> Vec<Report> {
    let asker = item.get("metadata").and_then(|metadata| name(metadata, "Pod"));
    let lists = [
        "initContainerStatuses",
        "containerStatuses",
        "ephemeralContainerStatuses",
    ];
    let status = item.get("status");
    let statuses = lists
        .iter()
        .filter_map(|list| status?.get(list)?.as_array())
        .flatten();
    statuses
        .filter_map(|status| {
            let reason = status.get("state")?.get("waiting")?.get("reason")?.as_str()?;
            let image = status.get("image")?.as_str()?;
            WAITING.contains(&reason).then(|| Report {
                // A pod is as it is now: after all events.
                when: "~".to_owned(),
                asker: asker.clone(),
                image: Some(image.to_owned()),
                text: String::new(),
            })
        })
        .collect()
}

/// `pod namespace/name`, printable.
fn name(object: &Value, kind: &str) -> Option<String> {
    let found = object.get("kind").and_then(Value::as_str).unwrap_or(kind);
    let namespace = object
        .get("namespace")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let name = object.get("name")?.as_str()?;
    let text = format!("{} {namespace}/{name}", found.to_lowercase());
    Some(crate::secret::printable(&text, 120))
}
