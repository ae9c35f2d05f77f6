//! Any bytes are documents or an error, and both readers agree on them.
#![no_main]

use carrack::goyaml::{self, located};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let values: Result<Vec<_>, _> = goyaml::documents(data).and_then(Iterator::collect);
    let nodes = located::parse(data).map(|nodes| nodes.iter().map(located::Node::to_value).collect::<Vec<_>>());
    match (values, nodes) {
        // Not-a-number is not equal to itself, so texts are compared.
        (Ok(values), Ok(nodes)) => assert_eq!(format!("{values:?}"), format!("{nodes:?}")),
        (Err(value), Err(node)) => assert_eq!(value, node),
        (values, nodes) => panic!("{values:?} but {nodes:?}"),
    }
    let _ = goyaml::parse_json_style(data);
    let _ = goyaml::from_json(data);
});
