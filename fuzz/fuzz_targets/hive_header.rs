//! Any bytes as the beginning of a hive: nothing panics, and what is accepted has its bins.
#![no_main]

use crossdock_layer::{HiveError, HiveHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let size = data.len() as u64;
    let whole = HiveHeader::read(data, size);
    match whole {
        Ok(header) => {
            assert!(data.starts_with(b"regf"));
            assert!(u64::from(header.data_size) + 4096 <= size);
            // What stands behind the base block cannot change what that says.
            assert_eq!(HiveHeader::read(&data[..4096], size), whole);
        }
        Err(HiveError::Empty) => assert_eq!(size, 0),
        Err(_) => {}
    }
});
