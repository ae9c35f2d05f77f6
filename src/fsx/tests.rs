use std::sync::mpsc;

use super::*;
use crate::digest::{Algorithm, Digest};

fn folder() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap();
    (place, folder)
}

#[test]
fn a_written_file_replaces_the_old_one_whole() {
    let (_place, folder) = folder();
    folder.write("a", b"a long first text").unwrap();
    folder.write("a", b"short").unwrap();
    assert_eq!(folder.read("a", 100).unwrap(), b"short");
    assert_eq!(folder.entries().unwrap().len(), 1);
}

#[test]
fn a_link_on_the_drive_is_not_followed() {
    let (place, folder) = folder();
    std::os::unix::fs::symlink("/etc/passwd", place.path().join("link")).unwrap();
    std::os::unix::fs::symlink("/etc", place.path().join("etc")).unwrap();
    assert!(matches!(folder.open_file("link"), Err(Error::NotAFile { .. })));
    assert!(matches!(folder.folder("etc"), Err(Error::NotAFolder { .. })));
    assert!(matches!(folder.size_of("link"), Err(Error::NotAFile { .. })));
    assert!(matches!(
        folder.make_folder("etc/x"),
        Err(Error::NotAFolder { .. })
    ));
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let (place, folder) = folder();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(matches!(folder.open_file("pipe"), Err(Error::NotAFile { .. })));
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let (_place, folder) = folder();
    for name in ["", ".", "..", "a/b", "a\\b", "a\nb"] {
        assert!(
            matches!(folder.open_file(name), Err(Error::BadName { .. })),
            "{name:?}"
        );
    }
    assert!(matches!(folder.folder("../x"), Err(Error::BadName { .. })));
}

#[test]
fn a_file_larger_than_its_cap_is_refused() {
    let (_place, folder) = folder();
    folder.write("a", &[0; 101]).unwrap();
    assert!(matches!(
        folder.read("a", 100),
        Err(Error::TooLarge { size: 101, .. })
    ));
    assert_eq!(folder.read("a", 101).unwrap().len(), 101);
}

#[test]
fn a_partial_file_is_gone_on_with_and_hashed_as_a_whole() {
    let (_place, folder) = folder();
    let mut staged = Staged::create(&folder, "t", Algorithm::Sha256).unwrap();
    staged.write(b"car").unwrap();
    drop(staged);
    let mut staged = Staged::resume(&folder, "t", Algorithm::Sha256, 7).unwrap();
    assert_eq!(staged.length(), 3);
    staged.write(b"rack").unwrap();
    let finished = staged.finish().unwrap();
    assert_eq!(*finished.digest(), Digest::sha256(b"carrack"));
    let blobs = folder.make_folder("blobs/sha256").unwrap();
    finished.commit(&blobs, "x").unwrap();
    assert_eq!(blobs.read("x", 7).unwrap(), b"carrack");
    assert_eq!(folder.size_of("t").unwrap(), None);
}

#[test]
fn a_partial_file_that_is_too_long_is_cut() {
    let (_place, folder) = folder();
    folder.write("t", b"carrack and more").unwrap();
    let staged = Staged::resume(&folder, "t", Algorithm::Sha256, 7).unwrap();
    assert_eq!(*staged.finish().unwrap().digest(), Digest::sha256(b"carrack"));
    assert_eq!(folder.size_of("t").unwrap(), Some(7));
}

#[test]
fn what_is_hashed_on_the_drive_has_the_digest_of_what_lies_there() {
    let (_place, folder) = folder();
    let bytes: Vec<u8> = (0..1_500_000_u32).flat_map(u32::to_le_bytes).collect();
    for (hashing, finds_out) in [(Hashing::AsWritten, false), (Hashing::OnDrive, true)] {
        for rots in [false, true] {
            let mut staged = Staged::create(&folder, "t", Algorithm::Sha256)
                .unwrap()
                .hashed(hashing);
            for piece in bytes.chunks(300_001) {
                staged.write(piece).unwrap();
            }
            let rotten = folder.reopen("t").unwrap();
            if rots {
                std::os::unix::fs::FileExt::write_at(&rotten, b"!", 4_000_000).unwrap();
            }
            let finished = staged.finish().unwrap();
            let is_right = *finished.digest() == Digest::sha256(&bytes);
            assert_eq!(is_right, !(rots && finds_out), "{hashing:?}, rots: {rots}");
            assert_eq!(finished.is_proved(), finds_out);
            assert_eq!(finished.length(), 6_000_000);
        }
    }
}

#[test]
fn a_file_that_is_begun_anew_is_hashed_from_its_new_first_byte() {
    let (_place, folder) = folder();
    for hashing in [Hashing::AsWritten, Hashing::OnDrive] {
        let mut staged = Staged::create(&folder, "t", Algorithm::Sha256)
            .unwrap()
            .hashed(hashing);
        staged.write(&vec![7; 5 << 20]).unwrap();
        staged.restart().unwrap();
        staged.write(b"carrack").unwrap();
        assert_eq!(*staged.finish().unwrap().digest(), Digest::sha256(b"carrack"));
    }
}

#[test]
fn every_file_given_to_the_committer_is_acknowledged_and_in_its_place() {
    for file_system in [
        FileSystem::Fat,
        FileSystem::ExFat,
        FileSystem::Unix,
        FileSystem::Other,
    ] {
        let (_place, folder) = folder();
        let (tmp, blobs) = (
            folder.make_folder("tmp").unwrap(),
            folder.make_folder("blobs").unwrap(),
        );
        let (tell, told) = mpsc::channel();
        let committer = Committer::on(file_system);
        for n in 0..200 {
            let mut staged = Staged::create(&tmp, &format!("{n}"), Algorithm::Sha256).unwrap();
            staged.write(format!("{n}").as_bytes()).unwrap();
            let tell = tell.clone();
            committer.submit(Commit {
                file: staged.finish().unwrap(),
                folder: blobs.clone(),
                name: format!("{n}"),
                acknowledged: Box::new(move |result| tell.send(result.is_ok()).unwrap()),
            });
        }
        drop(committer);
        drop(tell);
        assert_eq!(told.iter().filter(|ok| *ok).count(), 200, "{file_system:?}");
        assert_eq!(blobs.entries().unwrap().len(), 200, "{file_system:?}");
        assert!(tmp.entries().unwrap().is_empty(), "{file_system:?}");
    }
}

#[test]
fn a_file_whose_bytes_were_hashed_already_is_written_whole() {
    let (_place, folder) = folder();
    let digest = Digest::sha256(b"carrack");
    let finished = Staged::whole(&folder, "t", b"carrack", digest).unwrap();
    assert_eq!((*finished.digest(), finished.length()), (digest, 7));
    finished.commit(&folder, "x").unwrap();
    assert_eq!(folder.read("x", 7).unwrap(), b"carrack");
}

#[test]
fn the_second_run_learns_who_holds_the_lock() {
    let (_place, folder) = folder();
    let first = Lock::take(&folder, "lock", "process 7 on ship").unwrap();
    match Lock::take(&folder, "lock", "process 8") {
        Err(Error::Locked { holder, .. }) => assert_eq!(holder, "process 7 on ship"),
        other => panic!("{other:?}"),
    }
    drop(first);
    let second = Lock::take(&folder, "lock", "process 8").unwrap();
    assert!(second.found_unfinished(), "the first run did not come to its end");
    second.release().unwrap();
    assert!(
        !Lock::take(&folder, "lock", "process 9")
            .unwrap()
            .found_unfinished()
    );
}

#[test]
fn folders_are_made_where_they_are_missing() {
    let (place, _) = folder();
    write(&place.path().join("a/b/c.txt"), b"x").unwrap();
    assert_eq!(std::fs::read(place.path().join("a/b/c.txt")).unwrap(), b"x");
    let volume = Volume::of(&Folder::open(place.path()).unwrap()).unwrap();
    assert!(volume.free_bytes > 0 && !volume.read_only);
}

#[test]
fn each_disk_fault_has_its_sentence() {
    for (errno, sentence) in [
        (rustix::io::Errno::NOSPC, "the drive is full"),
        (rustix::io::Errno::ROFS, "the drive is read-only"),
        (rustix::io::Errno::NODEV, "the drive was removed"),
        (
            rustix::io::Errno::FBIG,
            "the file is too large for this file system",
        ),
    ] {
        let error = Error::io("write", "/media/usb/x", errno.into());
        assert_eq!(
            error.to_string(),
            format!("could not write /media/usb/x: {sentence}")
        );
        assert!(error.fault().unwrap().advice().is_some());
    }
}

#[test]
fn a_private_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/auth.json");
    write_private(&path, b"secret").unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"secret");
}
