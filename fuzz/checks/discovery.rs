//! Any text is searched for images and ends; what is found reads as what it is, where it says.

use carrack::discover::{
    Catalogue, Declared, Knowledge, Layer, Origin, Reading, Sighting, Source, Subject, form,
    scan_images_lock, scan_list, scan_text, scan_values, walk,
};

pub(super) fn check(data: &[u8]) {
    thread_local!(static KNOWN: Knowledge = Knowledge::built_in());
    let origin = Origin {
        subject: Subject {
            file: "templates/all.yaml".to_owned(),
            ..Subject::default()
        },
        source: Source::Manifest,
        lines_before: 0,
    };
    let mut found = KNOWN.with(|known| {
        let found = walk(data, &origin, known).unwrap_or_default();
        assert_eq!(walk(data, &origin, known).unwrap_or_default(), found);
        found
    });
    let text = String::from_utf8_lossy(data);
    found.extend(scan_text(&text, &origin));
    found.extend(scan_list(&text, form(&text), &origin.subject).unwrap_or_default());
    found.extend(scan_images_lock(
        &text,
        &origin.subject,
        &Declared::new(&[], &[], &[], true),
    ));
    if let Ok(layer) = Layer::parse(data, origin.subject, Vec::new(), "1.2.3") {
        found.extend(scan_values(&[layer.clone(), layer]));
    }
    let lines = 1
        + data
            .iter()
            .filter(|byte| **byte == b'\n' || **byte == b'\r')
            .count()
        + text.matches(['\u{85}', '\u{2028}', '\u{2029}']).count();
    let mut catalogue = Catalogue::default();
    for sighting in found {
        sound(&sighting, lines);
        catalogue.add(sighting);
    }
    for image in catalogue.images() {
        assert!(!image.sources.is_empty());
    }
}

fn sound(sighting: &Sighting, lines: usize) {
    match &sighting.reading {
        Reading::Image(reference) => {
            let printed = reference.to_string();
            assert_eq!(printed.parse().as_ref(), Ok(reference), "{printed:?}");
        }
        Reading::Unresolved { reason, .. } => {
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}");
        }
    }
    if let Some(line) = sighting.place.line {
        assert!((1..=lines).contains(&(line as usize)), "line {line} of {lines}");
    }
}
