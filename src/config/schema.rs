//! The JSON Schema of `carrack.yaml`, made from the types that read it, so that the two cannot disagree.

use super::Config;

/// The schema as JSON text, ending in a line break.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    // Maps with string keys and no floats: there is nothing that JSON cannot say.
    serde_json::to_string_pretty(&schema).map_or_else(|error| error.to_string(), |text| text + "\n")
}
