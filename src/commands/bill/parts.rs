//! The bill as a list of parts that other programs read: SPDX 2.3 and CycloneDX 1.6.

use serde_json::{Value, json};

use super::{Bill, ChartLine, Line};
use crate::reference::Reference;

/// What both formats say of one thing.
struct Part {
    name: String,
    version: String,
    hex: String,
    purl: Option<String>,
    note: String,
    is_image: bool,
}

impl Part {
    fn image(line: &Line) -> Self {
        let mut note = format!("{} bytes", line.bytes);
        for (name, values) in [
            ("platforms", &line.platforms),
            ("why", &line.why),
            ("signed by", &line.signed_by),
        ] {
            if !values.is_empty() {
                note.push_str("; ");
                note.push_str(name);
                note.push_str(": ");
                note.push_str(&values.join(", "));
            }
        }
        Self {
            name: line.reference.repository().to_string(),
            version: line
                .reference
                .tag()
                .map_or_else(|| line.digest.to_string(), ToString::to_string),
            hex: line.digest.hex(),
            purl: Some(purl(&line.reference, &line.digest.to_string())),
            note,
            is_image: true,
        }
    }

    fn chart(line: &ChartLine) -> Self {
        let file = line.path.rsplit('/').next().unwrap_or_default();
        let stem = file.trim_end_matches(".tgz");
        // A version begins with the first digit behind a hyphen: `cert-manager-v1.2.3`, `redis-1.2.3`.
        let starts = |rest: &str| {
            rest.trim_start_matches('v')
                .starts_with(|c: char| c.is_ascii_digit())
        };
        let cut = stem
            .match_indices('-')
            .map(|(at, _)| stem.split_at(at))
            .find(|(_, rest)| starts(rest.trim_start_matches('-')));
        let (name, version) = cut.map_or((stem, ""), |(name, rest)| (name, rest.trim_start_matches('-')));
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            hex: line.digest.hex(),
            purl: None,
            note: format!("{} bytes; Helm chart charts/{}", line.bytes, line.path),
            is_image: false,
        }
    }
}

fn parts(bill: &Bill) -> Vec<Part> {
    let images = bill.images.iter().map(Part::image);
    images.chain(bill.charts.iter().map(Part::chart)).collect()
}

/// `pkg:oci/nginx@sha256%3A…?repository_url=docker.io%2Flibrary%2Fnginx&tag=1.27`
fn purl(reference: &Reference, digest: &str) -> String {
    let encoded = |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let repository = reference.repository().to_string();
    let name = repository.rsplit('/').next().unwrap_or_default().to_owned();
    let tag = reference
        .tag()
        .map_or_else(String::new, |tag| format!("&tag={tag}"));
    format!(
        "pkg:oci/{name}@{}?repository_url={}{tag}",
        encoded(digest),
        encoded(&repository)
    )
}

fn algorithm(hex: &str, sha256: &'static str, sha512: &'static str) -> &'static str {
    if hex.len() == 128 { sha512 } else { sha256 }
}

/// SPDX 2.3.
pub(super) fn spdx(bill: &Bill) -> String {
    let mut packages = Vec::new();
    let mut relationships = Vec::new();
    for (number, part) in parts(bill).iter().enumerate() {
        let id = format!("SPDXRef-{}", number + 1);
        relationships.push(json!({
            "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": id,
        }));
        let mut package = json!({
            "SPDXID": id,
            "name": part.name,
            "versionInfo": part.version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "checksums": [{"algorithm": algorithm(&part.hex, "SHA256", "SHA512"), "checksumValue": part.hex}],
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "primaryPackagePurpose": if part.is_image { "CONTAINER" } else { "ARCHIVE" },
            "comment": part.note,
        });
        if let Some(purl) = &part.purl {
            package["externalRefs"] = json!([{
                "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl,
            }]);
        }
        packages.push(package);
    }
    let inventory = &bill.inventory;
    pretty(&json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": bill.title(),
        "documentNamespace": format!("urn:carrack:{}:{}", inventory.bundle_id, bill.digest.hex()),
        "creationInfo": {
            "created": inventory.created,
            "creators": [format!("Tool: {}", inventory.tool.replace(' ', "-"))],
            "comment": format!("SHA-256 of carrack/inventory.json: {}\n{}", bill.digest.hex(), bill.seal),
        },
        "packages": packages,
        "relationships": relationships,
    }))
}

/// CycloneDX 1.6.
pub(super) fn cyclonedx(bill: &Bill) -> String {
    let components: Vec<Value> = parts(bill)
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let mut component = json!({
                "type": if part.is_image { "container" } else { "file" },
                "bom-ref": format!("part-{}", number + 1),
                "name": part.name,
                "version": part.version,
                "hashes": [{"alg": algorithm(&part.hex, "SHA-256", "SHA-512"), "content": part.hex}],
                "description": part.note,
            });
            if let Some(purl) = &part.purl {
                component["purl"] = json!(purl);
            }
            component
        })
        .collect();
    let inventory = &bill.inventory;
    let (tool, version) = inventory.tool.split_once(' ').unwrap_or((&inventory.tool, ""));
    pretty(&json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(&bill.digest.hex()),
        "version": 1,
        "metadata": {
            "timestamp": inventory.created,
            "tools": {"components": [{"type": "application", "name": tool, "version": version}]},
            "component": {
                "type": "data",
                "name": bill.title(),
                "version": inventory.sequence.to_string(),
                "hashes": [{"alg": "SHA-256", "content": bill.digest.hex()}],
                "description": bill.seal,
            },
        },
        "components": components,
    }))
}

/// The form of a UUID, made of the inventory's hash: the same bundle has the same number.
fn serial_number(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("text and numbers are JSON")
}
