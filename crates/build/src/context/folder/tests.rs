use std::fs;

use super::*;

/// A key is made of a file's hash, and the layer of its bytes: both must be of one content, also
/// if the file is too new to be remembered.
#[test]
fn a_file_must_not_change_after_it_was_hashed() {
    let check = |before: &str, after: &str, expected: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, before).unwrap();
        let memory = ContextMemory::default();
        let ignore = IgnorePatterns::default();
        let modes = ContextModes::default();
        let context = Context::read(folder.path(), &ignore, memory, modes).unwrap();
        let hash = context.hash(0).unwrap();
        assert_eq!(hash, *blake3::hash(before.as_bytes()).as_bytes());
        fs::write(&path, after).unwrap();
        assert_eq!(context.hash(0).unwrap(), hash, "{after}");
        let mut content = String::new();
        let read = context
            .open_unchanged(0)
            .unwrap()
            .read_to_string(&mut content);
        match expected {
            None => assert_eq!(content, before),
            Some(part) => {
                let error = read.unwrap_err().to_string();
                assert!(error.contains(part) && error.contains("file"), "{error}");
            }
        }
    };
    check("one", "one", None);
    check("", "", None);
    check("one", "two", Some("build again"));
    check("one", "", Some("build again"));
    check("one", "one more", Some("build again"));
}
