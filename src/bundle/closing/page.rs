//! The page for someone who has only the drive.

use crate::bundle::{Bundle, Error, layout, sealed};
use crate::fsx::Kind;

const README: &str = "\
This folder is a carrack bundle: Helm charts and container images on their way across an air gap.

Check it (any Linux machine, no special tool):

    cd into this folder
    sha256sum -c --quiet carrack/SHA256SUMS

If it is signed (carrack/inventory.json.sshsig), these two lines check who signed it and that no listed file changed. The
file allowed_signers comes from those who send you bundles, by another way than this drive:

    ssh-keygen -Y verify -f allowed_signers -I NAME -n carrack-inventory -s carrack/inventory.json.sshsig <carrack/inventory.json
    {SUMS_BY_HAND}

Check it completely, added files too, then bring it into a registry:

    carrack verify .
    carrack import --from . --to registry.example.com

Or offer it to nodes directly, without any registry, as a read-only registry and Helm repository:

    carrack serve . --listen 0.0.0.0:5000

Without carrack: it is an OCI image layout. `index.json` lists every image under its full name, and

    skopeo copy oci:.:docker.io/library/nginx:1.27 docker://registry.example.com/docker.io/library/nginx:1.27

copies one of them. The folders below `charts/` are Helm repositories that any web server can serve.
";

/// What follows where the program itself is on the drive.
const README_PROGRAM: &str = "
The program is on this drive, too. It needs nothing else. Drives often let nothing be run from them: copy it first,
after `sha256sum` has said that it is whole.

    install -m 755 PROGRAM /usr/local/bin/carrack
";

/// The programs in the bundle's root.
pub(super) fn programs(bundle: &Bundle) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = bundle
        .folder
        .entries()?
        .into_iter()
        .filter(|entry| entry.kind == Kind::File && entry.name.starts_with(layout::PROGRAM))
        .map(|entry| entry.name)
        .collect();
    names.sort();
    Ok(names)
}

/// The text of the page.
pub(super) fn readme(programs: &[String]) -> String {
    let mut text = README.replace("{SUMS_BY_HAND}", sealed::SUMS_BY_HAND);
    if let Some(program) = programs.first() {
        text.push_str(&README_PROGRAM.replace("PROGRAM", program));
    }
    text
}
