//! Any bytes are documents or an error, and both readers agree on them.

use carrack::goyaml::{self, located};

pub(super) fn check(data: &[u8]) {
    let values: Result<Vec<_>, _> = goyaml::documents(data).and_then(Iterator::collect);
    let nodes =
        located::parse(data).map(|nodes| nodes.iter().map(located::Node::to_value).collect::<Vec<_>>());
    assert_eq!(values.is_ok(), nodes.is_ok(), "{values:?} but {nodes:?}");
    match (values, nodes) {
        (Err(value), Err(node)) => assert_eq!(value, node),
        // Not-a-number is not equal to itself, so texts are compared.
        (values, nodes) => assert_eq!(format!("{values:?}"), format!("{nodes:?}")),
    }
    let _ = goyaml::parse_json_style(data);
    let _ = goyaml::from_json(data);
}
