//! File attributes of Windows by name.

/// The names of the FILE_ATTRIBUTE_* bits of `attributes`, lowest first. Bits without a name are
/// not among them.
///
/// Source: \[MS-FSCC\] 2.6, winnt.h.
pub fn attribute_names(attributes: u32) -> impl Iterator<Item = &'static str> {
    NAMES
        .iter()
        .filter(move |known| attributes & known.0 != 0)
        .map(|known| known.1)
}

const NAMES: &[(u32, &str)] = &[
    (0x1, "READONLY"),
    (0x2, "HIDDEN"),
    (0x4, "SYSTEM"),
    (0x10, "DIRECTORY"),
    (0x20, "ARCHIVE"),
    (0x40, "DEVICE"),
    (0x80, "NORMAL"),
    (0x100, "TEMPORARY"),
    (0x200, "SPARSE_FILE"),
    (0x400, "REPARSE_POINT"),
    (0x800, "COMPRESSED"),
    (0x1000, "OFFLINE"),
    (0x2000, "NOT_CONTENT_INDEXED"),
    (0x4000, "ENCRYPTED"),
    (0x8000, "INTEGRITY_STREAM"),
    (0x1_0000, "VIRTUAL"),
    (0x2_0000, "NO_SCRUB_DATA"),
    (0x4_0000, "RECALL_ON_OPEN"),
    (0x8_0000, "PINNED"),
    (0x10_0000, "UNPINNED"),
    (0x40_0000, "RECALL_ON_DATA_ACCESS"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |attributes, expected: &[&str]| {
            assert_eq!(attribute_names(attributes).collect::<Vec<_>>(), expected);
        };
        check(0, &[]);
        check(0x21, &["READONLY", "ARCHIVE"]);
        check(0x8000_0410, &["DIRECTORY", "REPARSE_POINT"]);
        assert!(NAMES.is_sorted());
    }
}
