use sha2::{Digest, Sha256};

use super::*;

#[test]
fn the_bytes_are_constant() {
    let hive = blank_hive();
    assert_eq!(hive.len(), 8192);
    assert_eq!(hive[0x1FC..0x200], 0x6667_7550_u32.to_le_bytes());
    let hash: String = Sha256::digest(&hive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hash,
        "edb1fd22c18a2ed98495c0d452c4821723137e2a8d80a1d8f60858b891caff84"
    );
}

#[test]
fn checksums_avoid_what_means_unset() {
    for (start, sum) in [
        (&[0; 8][..], 1),
        (&[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], u32::MAX - 1),
        (&[1, 0, 0, 0, 2, 0, 0, 0], 3),
    ] {
        assert_eq!(checksum(start), sum);
    }
}
