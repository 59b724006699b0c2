//! Any bytes as a security descriptor, as SDDL and as an account: what is read is written the same, and no
//! descriptor makes inheriting or changing the owner fail.
#![no_main]

use crossdock_layer::{SecurityDescriptor, Sid, chown_descriptor, inherit, resolve_account};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(descriptor) = SecurityDescriptor::parse(data) {
        assert_eq!(descriptor.as_bytes(), data);
        let rebuilt = SecurityDescriptor::from_parts(descriptor.parts().clone());
        assert_eq!(rebuilt.parts(), descriptor.parts());
        check(&rebuilt);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(descriptor) = SecurityDescriptor::from_sddl(text) {
        let printed = descriptor.to_sddl().expect("what has a text has one");
        assert_eq!(
            SecurityDescriptor::from_sddl(&printed),
            Ok(descriptor.clone())
        );
        check(&descriptor);
    }
    if let Some(sid) = resolve_account(text) {
        assert_eq!(sid.to_string().parse(), Ok(sid));
    }
});

/// A descriptor in our own layout is read as what it is, and so is what is made of it.
fn check(descriptor: &SecurityDescriptor) {
    let owner = Sid::system();
    let made = [false, true].into_iter().flat_map(|is_directory| {
        let child = inherit(Some(descriptor), is_directory);
        let chowned = chown_descriptor(is_directory, descriptor, &owner, None);
        assert_eq!(chowned.owner(), Some(&owner));
        assert!(child.dacl().is_some_and(|dacl| !dacl.aces().is_empty()));
        [child, chowned]
    });
    for value in made.chain([descriptor.clone()]) {
        assert_eq!(
            SecurityDescriptor::parse(value.as_bytes()),
            Ok(value.clone())
        );
        if let Some(text) = value.to_sddl() {
            let read = SecurityDescriptor::from_sddl(&text).expect("what is printed can be read");
            assert_eq!(
                read.dacl().map(|acl| acl.aces()),
                value.dacl().map(|acl| acl.aces())
            );
        }
    }
}
