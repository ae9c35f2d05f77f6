//! A chart's files as an archive: the same files make the same bytes, whatever the day and the machine.

use std::collections::BTreeMap;

use flate2::{Compression, GzBuilder};

use super::Error;

/// Packs files, named below the chart's own folder, as `helm package` would: the folder is called as the chart is.
pub(super) fn pack(chart: &str, files: &BTreeMap<String, &[u8]>) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| Error::BadArchive {
        problem: format!("it cannot be packed: {error}"),
    };
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::default());
    let mut builder = tar::Builder::new(gzip);
    // Chart.yaml stands first: tools that want no more need not read on.
    let first = files.get_key_value("Chart.yaml");
    let others = files.iter().filter(|(name, _)| *name != "Chart.yaml");
    for (name, bytes) in first.into_iter().chain(others) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        builder
            .append_data(&mut header, format!("{chart}/{name}"), *bytes)
            .map_err(failed)?;
    }
    builder
        .into_inner()
        .and_then(flate2::write::GzEncoder::finish)
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chartrepo::Archive;

    #[test]
    fn the_same_files_make_the_same_archive_and_helm_reads_it() {
        let long = format!("templates/{}.yaml", "x".repeat(180));
        let files = BTreeMap::from([
            ("values.yaml".to_owned(), &b"a: 1\n"[..]),
            (
                "Chart.yaml".to_owned(),
                &b"apiVersion: v2\nname: a\nversion: 1.0.0\n"[..],
            ),
            (long.clone(), &b"a: {{ .Values.a }}\n"[..]),
        ]);
        let packed = pack("a", &files).unwrap();
        assert_eq!(pack("a", &files).unwrap(), packed);
        assert_eq!(Archive::read(&packed).unwrap().name, "a");
        let chart = crate::helm::load_archive(&packed).unwrap();
        assert_eq!(chart.templates[0].name, long);
    }
}
