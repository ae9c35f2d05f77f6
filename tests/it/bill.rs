//! The bill of transfer, and the log of runs.

use carrack::digest::Digest;
use serde_json::Value;

use crate::support::images::{image, index};
use crate::support::program::Program;
use crate::support::registry::TestRegistry;
use crate::support::signing::put;

fn loaded() -> (Program, Vec<String>, TestRegistry) {
    let (program, upstream) = (Program::new(), TestRegistry::start());
    let amd = image().layer("amd", 3000).build();
    let arm = image().platform("linux/arm64").layer("arm", 2000).build();
    let names = vec![
        upstream.seed("shop/app:1", &image().layer("app", 5000).build()),
        upstream.seed(
            "shop/multi:2",
            &index(vec![("linux/amd64", amd), ("linux/arm64", arm)]),
        ),
    ];
    let list = program.path("<b>list.txt");
    put(&list, names.join("\n").as_bytes());
    program.export(&[list.to_str().unwrap()], &[]).ended_with(0);
    (program, names, upstream)
}

#[test]
fn the_page_names_every_image_with_its_digest_and_obeys_no_text_of_strangers() {
    let (program, names, _upstream) = loaded();
    let policy = b"registries: [other.example]\n";
    carrack::fsx::write(&program.path("policy.yaml"), policy).unwrap();
    let refused = program
        .run(&["bill", "bundle", "--policy", "policy.yaml"])
        .ended_with(4);
    assert!(refused.out.contains("Refused by the policy"));
    carrack::fsx::write(
        &program.path("slip.yaml"),
        b"registries: []\n# a slip\nimages:\n- match: a/*\n  latets: false\n",
    )
    .unwrap();
    let ran = program
        .run(&["bill", "bundle", "--policy", "slip.yaml"])
        .ended_with(2);
    assert!(
        ran.err
            .contains("slip.yaml:5:3: unknown key `latets`; did you mean `latest`?"),
        "{}",
        ran.err
    );
    let page = program.run(&["bill", "bundle"]).ended_with(0).out;
    for name in &names {
        assert!(page.contains(&format!("<b>{name}</b>")), "{name}");
    }
    assert!(page.contains("linux/amd64") && page.contains("linux/arm64"));
    assert!(page.contains("&lt;b&gt;list.txt") && !page.contains("<b>list.txt"));
    assert!(!page.contains("<script"));
    assert!(
        page.contains("<dd>2 from 1 registry: ") && page.contains("<dd>checked for none of 2 images</dd>")
    );
    assert!(
        page.contains("<dd class=\"bad\">unsigned: nothing shows"),
        "what must not be passed over stands out"
    );
    let inventory = std::fs::read(program.path("bundle/carrack/inventory.json")).unwrap();
    assert!(page.contains(&Digest::sha256(&inventory).hex()));
    let markdown = program
        .run(&["bill", "bundle", "-o", "markdown"])
        .ended_with(0)
        .out;
    assert!(
        names.iter().all(|name| markdown.contains(&format!("| {name} |"))),
        "{markdown}"
    );
}

#[test]
fn the_lists_of_parts_have_one_entry_for_each_image() {
    let (program, names, _upstream) = loaded();
    let list = |form: &str| -> Value {
        let ran = program.run(&["bill", "bundle", "-o", form]).ended_with(0);
        serde_json::from_str(&ran.out).unwrap()
    };
    let spdx = list("spdx");
    assert_eq!(spdx["spdxVersion"], "SPDX-2.3");
    assert_eq!(spdx["packages"].as_array().unwrap().len(), names.len());
    assert_eq!(spdx["relationships"].as_array().unwrap().len(), names.len());
    let purl = &spdx["packages"][0]["externalRefs"][0]["referenceLocator"];
    assert!(
        purl.as_str().unwrap().starts_with("pkg:oci/app@sha256%3A"),
        "{purl}"
    );
    let cyclonedx = list("cyclonedx");
    assert_eq!(cyclonedx["specVersion"], "1.6");
    assert_eq!(cyclonedx["components"][1]["version"], "2");
    assert_eq!(list("cyclonedx"), cyclonedx, "the same bundle has the same bill");
}

#[test]
fn each_run_is_a_line_of_the_log_that_holds_the_hash_of_the_one_before() {
    let (program, _names, _upstream) = loaded();
    let verify = ["verify", "bundle", "--audit-log", "audit.jsonl"];
    program.run(&verify).ended_with(0);
    put(&program.path("bundle/README.txt"), b"changed");
    program.run(&verify).ended_with(4);
    program
        .run(&["verify", "absent", "--audit-log", "audit.jsonl"])
        .ended_with(1);
    let log = std::fs::read_to_string(program.path("audit.jsonl")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let parsed: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let exits: Vec<u64> = parsed.iter().map(|line| line["exit"].as_u64().unwrap()).collect();
    assert_eq!(exits, [0, 4, 1]);
    assert_eq!(parsed[0]["previous"], Digest::sha256(b"").to_string());
    assert_eq!(
        parsed[1]["previous"],
        Digest::sha256(lines[0].as_bytes()).to_string()
    );
    assert_eq!(parsed[0]["bundle"]["sequence"], 1);
    let refused = program.run(&["verify", "bundle", "--audit-log", "absent/audit.jsonl"]);
    assert!(refused.ended_with(1).err.contains("absent/audit.jsonl"));
}
