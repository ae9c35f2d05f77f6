//! `images` as a program: what it asks registries and what it makes of their answers.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::images::image;
use crate::support::program::Program;
use crate::support::registry::{Fault, On, TestRegistry};

fn write(program: &Program, name: &str, text: &str) {
    carrack::fsx::write(&program.path(name), text.as_bytes()).unwrap();
}

/// `repository:tag` and state of each image that was asked for, in order.
fn states(report: &Value, registry: &TestRegistry) -> Vec<String> {
    let host = format!("{}/", registry.host());
    let checked = report["checked"].as_array().unwrap().iter();
    checked
        .map(|row| {
            let reference = row["reference"].as_str().unwrap().replace(&host, "");
            format!("{reference} {}", row["state"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn a_check_tells_what_registries_have_what_they_lack_and_what_they_do_not_say_and_removes_none() {
    let (program, registry) = (Program::new(), TestRegistry::start());
    let there = image().layer("hold", 100).build();
    registry.seed("shop/app:1", &there);
    registry.fault(On::any().path("shop/locked"), Fault::status(403, "DENIED"));
    // A proxy's page is no word of the registry: absent would be a guess.
    registry.fault(On::any().path("shop/page"), Fault::HtmlErrorBody(404));
    let names = ["app", "gone", "locked", "page"];
    let list = names
        .map(|name| format!("{}/shop/{name}:1\n", registry.host()))
        .concat();
    write(&program, "list.txt", &list);

    let pure = program
        .run(&["images", "list.txt", "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(registry.requests().len(), 0, "{:?}", registry.asked());
    assert_eq!(pure.get("checked"), None);

    let ran = program
        .run(&["images", "list.txt", "--check", "-o", "json"])
        .ended_with(3);
    let report = ran.json();
    assert_eq!(report["images"], pure["images"]);
    assert_eq!(
        states(&report, &registry),
        [
            "shop/app:1 verified",
            "shop/gone:1 absent",
            "shop/locked:1 unknown",
            "shop/page:1 unknown"
        ]
    );
    let checked = &report["checked"];
    assert_eq!(checked[0]["digest"], there.digest.to_string());
    assert!(
        checked[2]["reason"].as_str().unwrap().contains("403"),
        "{}",
        checked[2]
    );

    let text = program.run(&["images", "list.txt", "--check"]).ended_with(3).out;
    assert!(text.contains("have 1 of 4 images; 1 absent, 2 unknown"), "{text}");
}

#[test]
fn only_what_containers_certainly_ask_for_must_be_there() {
    let (program, registry) = (Program::new(), TestRegistry::start());
    registry.seed("shop/app:1", &image().layer("hold", 100).build());
    let host = registry.host();
    // The second one is a word of a text, which may be an example.
    let pod = format!(
        "kind: Pod\nspec:\n  containers:\n  - {{name: c, image: '{host}/shop/app:1'}}\n  note: like {host}/shop/old:v1.2\n"
    );
    write(&program, "pod.yaml", &pod);
    let report = program
        .run(&["images", "pod.yaml", "--check", "-o", "json"])
        .ended_with(0)
        .json();
    assert_eq!(
        states(&report, &registry),
        ["shop/app:1 verified", "shop/old:v1.2 absent"]
    );
}

#[test]
fn a_large_manifest_is_walked_within_bounds_of_memory() {
    let program = Program::new();
    let mut text = String::new();
    for number in 0..1000 {
        let pod =
            "kind: Pod\nspec:\n  containers:\n  - name: c\n    args: [--side-image=quay.io/demo/side:1]";
        write!(text, "---\n{pod}\n    image: quay.io/demo/app-{number}:v1.2\n").unwrap();
    }
    text.push_str("---\nkind: ConfigMap\ndata:\n  script: |\n");
    for number in 0..8000 {
        writeln!(
            text,
            "    run quay.io/demo/tool:v{} and go on reading line {number}",
            number % 500
        )
        .unwrap();
    }
    write(&program, "all.yaml", &text);
    let ran = program
        .run_under(
            Path::new("/usr/bin/prlimit"),
            &["--data=268435456"],
            &["images", "all.yaml", "-o", "list"],
        )
        .ended_with(0);
    assert_eq!(ran.out.lines().count(), 1000 + 500 + 1);
}

#[test]
fn why_an_image_is_on_the_list_is_told_in_the_form_that_is_asked_for() {
    let program = Program::new();
    write(
        &program,
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, image: 'quay.io/a/web:1'}, {name: b, image: 'quay.io/a/db:2'}]}\n",
    );
    let all = program.run(&["images", "pod.yaml", "-o", "json"]).ended_with(0);
    let ran = |form: &str| program.run(&["images", "pod.yaml", "--why", "web", "-o", form]);
    let why = ran("json").ended_with(0).json();
    let whole = all.json();
    let images = whole["images"].as_array().unwrap().iter();
    let web: Vec<&Value> = images
        .filter(|image| image["reference"] == "quay.io/a/web:1")
        .collect();
    assert_eq!(web.len(), 1);
    assert_eq!(why["images"], Value::from(vec![web[0].clone()]));
    assert_eq!(
        why["images"][0]["sources"][0]["place"]["kind"],
        web[0]["sources"][0]["place"]["kind"]
    );
    assert_eq!(ran("list").ended_with(0).out, "quay.io/a/web:1\n");
    assert!(ran("csv").ended_with(0).out.lines().count() == 2);
    let text = ran("text").ended_with(0).out;
    assert!(
        text.contains("Pod/web") && !text.contains("quay.io/a/db"),
        "{text}"
    );
    let none = ["images", "pod.yaml", "--why", "nothing", "-o", "json"];
    let ran = program.run(&none).ended_with(2);
    assert_eq!(ran.out, "");
    assert!(
        ran.err.contains("no image of these sources has `nothing`"),
        "{}",
        ran.err
    );
}
