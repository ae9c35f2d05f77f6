use super::*;

fn at(node: &Node) -> (u32, u32) {
    (node.position.line, node.position.column)
}

#[test]
fn every_key_and_scalar_has_its_place() {
    let documents = parse("é: [a, {b: 1.10}]\n---\n# c\nx:\n  - y\n  - \"z\"\n".as_bytes()).unwrap();
    let [first, second] = documents.as_slice() else {
        panic!("two documents");
    };
    let list = first.get("é").and_then(Node::as_seq).unwrap();
    assert_eq!(list.iter().map(at).collect::<Vec<_>>(), [(1, 5), (1, 8)]);
    let version = list.last().and_then(|map| map.get("b")).unwrap();
    assert_eq!((at(version), version.text()), ((1, 12), Some("1.10")));
    let entry = second.as_map().and_then(<[_]>::first).unwrap();
    assert_eq!((entry.position.line, entry.position.column), (4, 1));
    let lines: Vec<_> = entry.value.as_seq().unwrap().iter().map(at).collect();
    assert_eq!(lines, [(5, 5), (6, 5)]);
}

#[test]
fn a_repeated_node_keeps_the_place_of_its_text() {
    let documents = parse(b"a: &x nginx\nb: *x\nc: {<<: {d: *x}}\n").unwrap();
    let document = documents.first().unwrap();
    for node in [document.get("b"), document.get("c").and_then(|c| c.get("d"))] {
        assert_eq!(
            node.map(|node| (at(node), node.as_str())),
            Some(((1, 4), Some("nginx")))
        );
    }
}

#[test]
fn of_equal_keys_the_last_is_left() {
    for count in [2, 20] {
        let lines: Vec<_> = (0..count)
            .map(|number| format!("a: {number}\nb{number}: x\n"))
            .collect();
        let text = lines.concat();
        let document = parse(text.as_bytes()).unwrap().remove(0);
        assert_eq!(document.as_map().map(<[_]>::len), Some(count + 1));
        assert_eq!(
            document.get("a").and_then(Node::text),
            Some((count - 1).to_string().as_str())
        );
    }
}

#[test]
fn what_it_means_is_what_the_other_reader_says() {
    let text = b"a: &x {b: yes, 1: 0x1F}\nc: [*x, ~, 1e3, 2020-01-02]\nd: {<<: *x, b: no}\n";
    let document = parse(text).unwrap().remove(0);
    assert_eq!(document.to_value(), crate::goyaml::parse(text).unwrap());
}

#[test]
fn an_error_says_where_it_is() {
    let error = parse(b"a: 1\nb: [1,\n  c: 'x\n").unwrap_err();
    assert_eq!(error.position().map(|position| position.line), Some(4));
    let error = parse(b"a: 1\n---\nb: *x\n").unwrap_err();
    assert_eq!(error.to_string(), "yaml: unknown anchor 'x' referenced");
    assert_eq!(error.position(), Some(Position { line: 3, column: 4 }));
}
