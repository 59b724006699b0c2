use super::*;
use crate::{Existing, TemporaryFile, TemporaryFolder};

/// Announced just now beneath `folder`.
fn announced_in(folder: &Path) -> usize {
    let announced = announced();
    announced.iter().filter(|p| p.starts_with(folder)).count()
}

/// The gate itself closes for good, so it is tried in processes of their own
/// (`testkit/e2e/interrupt.sh`).
#[test]
fn what_is_temporary_is_known_until_it_is_not() {
    let place = tempfile::tempdir().unwrap();
    let known = || announced_in(place.path());
    let file = TemporaryFile::create_in(place.path()).unwrap();
    let folder = TemporaryFolder::create_in(place.path(), "x").unwrap();
    let inside = TemporaryFile::create_in(folder.path()).unwrap();
    assert_eq!(known(), 3);
    let target = place.path().join("target");
    inside.persist(&target, Existing::Replace).unwrap();
    assert_eq!(known(), 2);
    let other = TemporaryFile::create_in(folder.path()).unwrap();
    assert!(other.persist(&target, Existing::Keep).is_err());
    assert_eq!(known(), 2, "a failure leaves nothing");
    drop((file, folder));
    assert_eq!(known(), 0);
}

#[test]
fn removing() {
    let place = tempfile::tempdir().unwrap();
    let check = |name: &str| {
        let path = place.path().join(name);
        assert!(removed(&path), "{name}");
        assert!(!is_there(&path), "{name}");
    };
    check("nothing");
    fs::write(place.path().join("file"), "").unwrap();
    check("file");
    fs::create_dir_all(place.path().join("folder/in/folder")).unwrap();
    fs::write(place.path().join("folder/in/file"), "").unwrap();
    check("folder");
    check("no/such/folder");
}
