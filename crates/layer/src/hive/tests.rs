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

#[test]
fn headers() {
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: Result<bool, &str>| {
        let mut hive = blank_hive();
        change(&mut hive);
        let found = HiveHeader::read(&hive, hive.len() as u64);
        let found = found.map(|header| header.clean);
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    };
    /// Changes a number of the base block and mends the checksum.
    fn set(hive: &mut [u8], at: usize, value: u32) {
        put_u32(hive, at, value);
        let sum = checksum(&hive[..0x1FC]);
        put_u32(hive, 0x1FC, sum);
    }
    check(&|_| (), Ok(true));
    check(&|hive| set(hive, 0x04, 2), Ok(false));
    check(&|hive| hive.clear(), Err("the file is empty"));
    check(
        &|hive| hive.truncate(100),
        Err("the file ends within its first 4,096 bytes"),
    );
    check(
        &|hive| hive[0] = b'x',
        Err("the file does not begin with regf"),
    );
    check(
        &|hive| hive[0x30] = 1,
        Err("the checksum of the base block is 0x66677550, and its bytes give 0x66677551"),
    );
    check(
        &|hive| set(hive, 0x18, 7),
        Err("its version 1.7 is not one of 1.0 to 1.6"),
    );
    check(
        &|hive| hive.truncate(5000),
        Err("the base block states 4096 bytes of bins, and 904 follow"),
    );
    check(
        &|hive| hive[0x1000] = b'x',
        Err("its first bin does not begin with hbin"),
    );
    check(
        &|hive| set(hive, 0x24, 0x78),
        Err("the root key at 0x78 is none, or outside of the bins"),
    );
}
