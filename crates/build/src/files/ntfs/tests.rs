//! What is known of files on their way to NTFS.

use super::*;

fn entry(kind: TarKind, path: &str, link: &str, original: Option<&str>) -> PlannedEntry {
    let mut header = Header::new(kind, path);
    header.link = link.into();
    header.records.set("CROSSDOCK.origin", "posix");
    if let Some(name) = original {
        header.records.set(NAME, name);
    }
    PlannedEntry {
        header,
        content: None,
        streams: Vec::new(),
    }
}

const FORM: FolderForm = FolderForm {
    format: LayerFormat::Windows,
    keep: true,
};

/// All names of a file stand in its attributes, if one needs that.
#[test]
fn names_of_one_file() {
    let check = |entries: &[PlannedEntry], expected: Option<&str>| {
        let ntfs = Ntfs::of(entries, FORM);
        let extended = ntfs.form(&entries[0].header).extended(NtfsUnset::default());
        let (name, value) = extended.list.last().unwrap();
        assert_eq!(name, b"CROSSDOCK");
        let text = String::from_utf8_lossy(value);
        let found = text
            .lines()
            .find_map(|line| line.split_once("CROSSDOCK.name="));
        assert_eq!(found.map(|(_, names)| names), expected);
    };
    let file = |original| entry(TarKind::File, "d/a\u{f03a}b", "", original);
    let link = |path: &str, original| entry(TarKind::HardLink, path, "d/a\u{f03a}b", original);
    check(&[file(None)], None);
    check(&[file(Some("A"))], Some("A"));
    check(&[file(None), link("d/x", None)], None);
    check(
        &[file(None), link("d/X~1234", Some("X")), link("e", None)],
        Some("a:b/X/e"),
    );
    check(&[file(Some("A")), link("d/y", None)], Some("A/y"));
}

/// One line of each kind.
#[test]
fn what_is_told() {
    let entries = [entry(TarKind::Symlink, "l", "", None)];
    let mut ntfs = Ntfs::of(&entries, FORM);
    let told = |ntfs: Ntfs<'_>| -> Vec<(String, bool)> {
        ntfs.left_out()
            .map(|line| (line.text, line.is_usual))
            .collect()
    };
    assert_eq!(told(Ntfs::of(&entries, FORM)), []);
    let mut header = entries[0].header.clone();
    let large = vec![b'x'; 70_000];
    header.records.set("SCHILY.xattr.user.large", large);
    for (kind, unset) in [
        (TarKind::Symlink, &[NtfsPart::Reparse][..]),
        (TarKind::Symlink, &[]),
        (TarKind::Symlink, &[NtfsPart::Reparse, NtfsPart::Descriptor]),
        (TarKind::File, &[NtfsPart::Attributes]),
    ] {
        let said = Said::default();
        let form = ntfs.form(&entries[0].header);
        assert!(!said.extended(&form, unset).is_empty());
        ntfs.take(b"l", kind, said);
    }
    let said = Said::default();
    let form = NtfsForm::of(&header, true);
    let kept = said.extended(&form, &[]);
    assert!(kept.iter().all(|(_, value)| value.len() < 1_000));
    ntfs.take(b"big", TarKind::Symlink, said);
    let expected = [
        (
            "metadata that does not fit the extended attributes of NTFS (65,535 bytes) is left out: \
             big (SCHILY.xattr.user.large)"
                .to_owned(),
            false,
        ),
        (
            "symbolic links of WSL were made, as this user may not make Windows' own: 2".to_owned(),
            true,
        ),
    ];
    assert_eq!(told(ntfs), expected);
}
