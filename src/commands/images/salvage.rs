//! What files that fail write all the same: an operator who is told of the failure wants the images around it, too.

use super::chart::{origin_line, origin_of};
use crate::discover::{Knowledge, Reading, Sighting, scan_text, walk};
use crate::helm::{Chart, Document, Trace};

/// The images in what a file that failed wrote all the same. What cannot be read in it is no news: the failure is told.
pub(super) fn salvage(
    document: &Document,
    chart: &Chart,
    trace: &Trace,
    knowledge: &Knowledge,
) -> Vec<Sighting> {
    let origin = origin_of(chart, document);
    let mut sightings = walk(&document.text, &origin, knowledge)
        .unwrap_or_else(|_| scan_text(&String::from_utf8_lossy(&document.text), &origin));
    sightings.retain(|sighting| matches!(sighting.reading, Reading::Image(_)));
    for sighting in &mut sightings {
        origin_line(&mut sighting.place, chart, document, trace);
    }
    sightings
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "charts for a test are written as they come"
    )]

    use super::super::tests::{chart, images, references};
    use super::super::{Options, Report};
    use crate::discover::Tier;

    /// The report on a chart with one template.
    fn report_on(template: &str, more: &[(&str, &str)]) -> Report {
        let folder = tempfile::tempdir().unwrap();
        let root = chart(folder.path(), "demo", template);
        for (file, text) in more {
            std::fs::write(root.join(file), text).unwrap();
        }
        images(&Options {
            sources: vec![root],
            least: Tier::Certain,
            ..Options::default()
        })
    }

    const POD: &str = "kind: Pod\nspec:\n  containers:\n  - image: docker.io/demo/first:1\n";

    #[test]
    fn what_a_file_wrote_before_it_failed_is_looked_into_up_to_the_last_whole_line() {
        let report = report_on(
            &format!("{POD}  - image: docker.io/demo/{{{{ .Values.nothing.here }}}}\n"),
            &[],
        );
        assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
        assert!(references(&report.images).contains(&"1 docker.io/demo/first:1".to_owned()));
        assert!(
            !report
                .images
                .iter()
                .any(|i| i.reference.to_string().ends_with("/demo/"))
        );
    }

    #[test]
    fn what_an_included_template_wrote_before_it_failed_is_looked_into_too() {
        let template = "{{- define \"more\" }}\n- image: docker.io/demo/second:2\n  args: {{ .Values.nothing.here }}\n{{- end }}\n";
        let report = report_on(
            &format!("{template}{POD}{{{{ include \"more\" . | nindent 2 }}}}\n"),
            &[],
        );
        assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
        let found = references(&report.images);
        for image in ["first:1", "second:2"] {
            assert!(
                found.contains(&format!("1 docker.io/demo/{image}"))
                    || references(&report.candidates).contains(&format!("2 docker.io/demo/{image}")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn what_stands_behind_a_demand_for_a_value_is_found_and_the_failure_is_told() {
        for stop in ["{{ fail \"never\" }}", "{{ required \"a key\" .Values.key }}"] {
            let template = format!(
                "{POD}    args: [a{stop}]\n  - image: 'docker.io/demo/second:{stop}'\n  - image: docker.io/demo/third:3\n"
            );
            let report = report_on(&template, &[]);
            assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
            let found = references(&report.images);
            for image in ["first:1", "third:3"] {
                assert!(found.contains(&format!("1 docker.io/demo/{image}")), "{found:?}");
            }
            assert!(!found.iter().any(|image| image.contains("second")), "{found:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_yaml_is_searched_as_text() {
        let report = report_on(&format!("{POD}    args: [\n"), &[]);
        assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
        let tiers: Vec<String> = references(&report.candidates);
        assert!(
            tiers.contains(&"2 docker.io/demo/first:1".to_owned()),
            "{tiers:?}"
        );
    }

    #[test]
    fn a_chart_that_lacks_a_dependency_or_breaks_its_schema_fails_and_its_images_are_found() {
        let metadata = "apiVersion: v2\nname: demo\nversion: 1.2.3\n\
                    dependencies:\n- {name: absent, version: 1.0.0, repository: 'https://charts.example.com'}\n";
        let schema = r#"{"required": ["token"]}"#;
        for more in [("Chart.yaml", metadata), ("values.schema.json", schema)] {
            let report = report_on(POD, &[more]);
            assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
            assert!(references(&report.images).contains(&"1 docker.io/demo/first:1".to_owned()));
        }
    }
}
