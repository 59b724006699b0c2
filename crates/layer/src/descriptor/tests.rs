use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::sid::{ACCOUNTS, ALIASES};
use super::*;

const DIRECTORY: &str = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgCoAAcAAAAAAxgA\
    /wEfAAECAAAAAAAFIAAAACACAAAAAxQA/wEfAAEBAAAAAAAFEgAAAAAAGAD/AR8AAQIAAAAAAAUgAAAAIAIAAAALFAAAAAAQ\
    AQEAAAAAAAMAAAAAAAMYAKkAEgABAgAAAAAABSAAAAAhAgAAAAIYAAQAAAABAgAAAAAABSAAAAAhAgAAAAIYAAIAAAABAgAA\
    AAAABSAAAAAhAgAA";

const FILE: &str = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA\
    /wEfAAECAAAAAAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAAIQIAAA==";

const USER_FILE: &str = "AQAEgBQAAAAoAAAAAAAAADQAAAABAwAAAAAABV0AAAACAAAAAgAAAAEBAAAAAAAFEgAAAAIAaAAEAAAAAAAY\
    AP8BHwABAgAAAAAABSAAAAAgAgAAAAAUAP8BHwABAQAAAAAABRIAAAAAABwA/wEfAAEDAAAAAAAFXQAAAAIAAAACAAAAAAAY\
    AKkAEgABAgAAAAAABSAAAAAhAgAA";

fn sddl(text: &str) -> SecurityDescriptor {
    SecurityDescriptor::from_sddl(text).unwrap()
}

/// SDDL in Windows' own spelling, and the bytes that other builders write for it.
fn check(text: &str, base64: &str) {
    let descriptor = sddl(text);
    assert_eq!(STANDARD.encode(descriptor.as_bytes()), base64);
    assert_eq!(descriptor.to_sddl().as_deref(), Some(text));
    let parsed = SecurityDescriptor::parse(descriptor.as_bytes()).unwrap();
    assert_eq!(parsed.parts(), descriptor.parts());
}

#[test]
fn bytes_of_other_builders() {
    check(DIRECTORY_SDDL, DIRECTORY);
    check(FILE_SDDL, FILE);
    check(
        "O:BAG:BA",
        "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA==",
    );
    check(
        "O:BUG:BU",
        "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA==",
    );
    check(
        "O:S-1-5-93-2-2G:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;S-1-5-93-2-2)(A;;0x1200a9;;;BU)",
        USER_FILE,
    );
    check(
        "O:BAG:SYD:P(A;;FA;;;BA)(A;;FA;;;SY)",
        "AQAEkBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgA0AAIAAAAAABgA/wEfAAECAAAA\
         AAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAA==",
    );
    assert_eq!(default_directory().as_bytes().len(), 216);
    assert_eq!(default_file().as_bytes().len(), 124);
}

/// Any SDDL, and the one spelling that is printed.
fn check_spelling(text: &str, canonical: &str) {
    let descriptor = sddl(text);
    assert_eq!(descriptor.to_sddl().as_deref(), Some(canonical));
    assert_eq!(sddl(canonical), descriptor);
}

#[test]
fn spellings() {
    check_spelling("", "");
    check_spelling("g:syo:ba", "O:BAG:SY");
    check_spelling("O:S-1-5-32-544", "O:BA");
    check_spelling("O:S-1-5-18D:", "O:SYD:");
    check_spelling("D:(a;ciOi;gRgX;;;s-1-5-32-545)", "D:(A;OICI;GXGR;;;BU)");
    check_spelling("D:(A;;2032127;;;WD)", "D:(A;;FA;;;WD)");
    check_spelling("D:(A;;FRFX;;;WD)", "D:(A;;0x1200a9;;;WD)");
    check_spelling("D:(A;;LCDC;;;WD)", "D:(A;;DCLC;;;WD)");
    check_spelling("D:(A;;0;;;WD)(A;;;;;WD)", "D:(A;;0x0;;;WD)(A;;0x0;;;WD)");
    check_spelling("D:(D;NPIOIDCRSAFA;GA;;;AN)", "D:(D;NPIOIDCRSAFA;GA;;;AN)");
    check_spelling("D:AIPAR", "D:PARAI");
    check_spelling("D:NO_ACCESS_CONTROL", "D:NO_ACCESS_CONTROL");
    check_spelling(
        "D:P(A;;KR;;;SY)S:AI(ML;;NWNR;;;ME)",
        "D:P(A;;KR;;;SY)S:AI(ML;;CCDC;;;ME)",
    );
    check_spelling("S:(AU;SAFA;WO;;;WD)D:", "D:S:(AU;SAFA;WO;;;WD)");
    check_spelling("S:P(SP;;RP;;;S-1-17-5)", "S:P(SP;;RP;;;S-1-17-5)");
    check_spelling("O:S-1-0x0000000000ABD:", "O:S-1-171D:");
    check_spelling("O:S-1-0x123456789abcG:SY", "O:S-1-0x123456789abcG:SY");
}

fn check_refused(text: &str, offset: usize, problem: SddlProblem) {
    let error = SecurityDescriptor::from_sddl(text).unwrap_err();
    assert_eq!((error.offset, error.problem), (offset, problem), "{text}");
}

#[test]
fn texts_that_are_refused() {
    use SddlProblem as P;
    check_refused("X:BA", 0, P::Section);
    check_refused("O:BAO:BA", 4, P::Section);
    check_refused("D:D:", 2, P::Section);
    check_refused(" O:BA", 0, P::Section);
    check_refused("O:", 2, P::Sid);
    check_refused("O:ZZ", 2, P::Sid);
    check_refused("O:DA", 2, P::Sid);
    check_refused("O:S-1-", 2, P::Sid);
    check_refused("O:S-2-5", 2, P::Sid);
    check_refused("O:é", 2, P::Sid);
    check_refused("O:Bé", 2, P::Sid);
    check_refused("D:Q", 2, P::AclFlags);
    check_refused("D:NO_ACCESS_CONTROL(A;;FA;;;BA)", 31, P::AclFlags);
    check_refused("D:(A;;FA;;;BA)x", 14, P::AclFlags);
    check_refused("D:(A;;FA;;;BA", 13, P::Ace);
    check_refused("D:(A;;FA;;;BA;x)", 13, P::Ace);
    check_refused("D:(A;;FA)", 8, P::Ace);
    check_refused("D:(", 3, P::Ace);
    check_refused("D:(XA;;FA;;;BA)", 6, P::AceType);
    check_refused("D:(A;O;FA;;;BA)", 7, P::AceFlags);
    check_refused("D:(A;;FZ;;;BA)", 9, P::Rights);
    check_refused("D:(A;;0x100000000;;;BA)", 18, P::Rights);
    check_refused("D:(A;;0x+1;;;BA)", 11, P::Rights);
    check_refused(
        "D:(A;;;bf967aba-0de6-11d0-a285-00aa003049e2;;BA)",
        44,
        P::ObjectType,
    );
    let many = format!("D:{}", "(A;;FA;;;SY)".repeat(3277));
    check_refused(&many, many.len(), P::TooLarge);
    sddl(&many[..many.len() - "(A;;FA;;;SY)".len()]);
}

#[test]
fn entries_without_text() {
    // A conditional entry: kept, but not printed.
    let parts = DescriptorParts {
        dacl: Some(Acl::new(vec![Ace::allow(0, 1, &Sid::users())]).unwrap()),
        ..DescriptorParts::default()
    };
    let mut bytes = SecurityDescriptor::from_parts(parts).as_bytes().to_vec();
    bytes[HEADER + 8] = 9;
    let descriptor = SecurityDescriptor::parse(&bytes).unwrap();
    assert_eq!(descriptor.to_sddl(), None);
    assert_eq!(descriptor.as_bytes(), bytes);
    assert_eq!(
        SecurityDescriptor::from_parts(descriptor.parts().clone()),
        descriptor
    );
}

/// The bytes of the table's file with one place changed, and the error.
fn check_malformed(offset: usize, value: &[u8], error: DescriptorError) {
    let mut bytes = default_file().as_bytes().to_vec();
    bytes[offset..offset + value.len()].copy_from_slice(value);
    assert_eq!(SecurityDescriptor::parse(&bytes), Err(error), "{offset}");
}

#[test]
fn malformed_bytes() {
    use DescriptorError as E;
    let part = |part, offset| E::Part { part, offset };
    check_malformed(0, &[2], E::Revision { revision: 2 });
    check_malformed(3, &[0], E::NotSelfRelative { control: 4 });
    check_malformed(4, &[19], part("owner", 19));
    check_malformed(4, &[124], part("owner", 124));
    check_malformed(4, &[255; 4], part("owner", u32::MAX));
    check_malformed(8, &[122], part("group", 122));
    check_malformed(20, &[2], part("owner", 20));
    check_malformed(21, &[16], part("owner", 20));
    // The DACL's revision, size and count.
    check_malformed(48, &[1], part("DACL", 48));
    check_malformed(48, &[5], part("DACL", 48));
    check_malformed(50, &[77], part("DACL", 48));
    check_malformed(50, &[7], part("DACL", 48));
    check_malformed(50, &[75], part("DACL", 48));
    check_malformed(52, &[4], part("DACL", 48));
    // The first entry's size, and the count of its SID.
    check_malformed(58, &[3], part("DACL", 48));
    check_malformed(58, &[26], part("DACL", 48));
    check_malformed(58, &[20], part("DACL", 48));
    check_malformed(65, &[3], part("DACL", 48));
    let file = default_file();
    for length in 0..file.as_bytes().len() {
        let error = SecurityDescriptor::parse(&file.as_bytes()[..length]).unwrap_err();
        assert_eq!(
            error == E::Truncated { length },
            length < HEADER,
            "{length}"
        );
    }
}

#[test]
fn parts_do_not_lie_in_the_header() {
    // What would be the offsets of the lists reads as the SID S-1-5.
    let bytes = [
        1, 0, 0, 0x80, 12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5,
    ];
    let error = DescriptorError::Part {
        part: "owner",
        offset: 12,
    };
    assert_eq!(SecurityDescriptor::parse(&bytes), Err(error));
}

/// A descriptor whose DACL is one entry of these bytes behind type, flags and size.
fn with_entry(kind: u8, size: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![
        1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,
    ];
    bytes.extend([4, 0, 12 + body.len() as u8, 0, 1, 0, 0, 0]);
    bytes.extend([kind, 3, size, 0]);
    bytes.extend(body);
    bytes
}

#[test]
fn entries_of_every_shape() {
    let mask = [0, 0, 0, 0x10];
    let sid = Sid::creator_owner().to_bytes();
    let guid = [7; 16];
    let basic = [&mask[..], &sid].concat();
    let with_data = [&mask[..], &sid, &[0; 4]].concat();
    let object = |present: u8, guids: usize| {
        [&mask[..], &[present, 0, 0, 0], &guid.repeat(guids), &sid].concat()
    };
    for (kind, size, body, accepted, printed) in [
        (0, 20, basic.clone(), true, true),
        // A multiple of four, with everything in it.
        (0, 18, basic.clone(), false, false),
        (0, 22, with_data.clone(), false, false),
        (0, 16, basic.clone(), false, false),
        // Data behind the SID: kept, but not what the text can say.
        (0, 24, with_data.clone(), true, false),
        (9, 24, with_data, true, false),
        (5, 24, object(0, 0), true, false),
        (5, 40, object(1, 1), true, false),
        (5, 40, object(2, 1), true, false),
        (5, 56, object(3, 2), true, false),
        (5, 40, object(3, 1), false, false),
        (5, 24, object(1, 0), false, false),
        (5, 8, mask.to_vec(), false, false),
        // Of a type that nobody knows nothing is expected.
        (0x40, 8, mask.to_vec(), true, false),
        (0x40, 4, Vec::new(), true, false),
    ] {
        let bytes = with_entry(kind, size, &body);
        let descriptor = SecurityDescriptor::parse(&bytes);
        let shown = format!("{kind} {size} {body:?}");
        assert_eq!(descriptor.is_ok(), accepted, "{shown}");
        let Ok(descriptor) = descriptor else { continue };
        assert_eq!(descriptor.to_sddl().is_some(), printed, "{shown}");
        assert_eq!(descriptor.as_bytes(), bytes, "{shown}");
        let rebuilt = SecurityDescriptor::from_parts(descriptor.parts().clone());
        assert_eq!(rebuilt, descriptor, "{shown}");
        // The list keeps its revision, which object entries need.
        let child = inherit(Some(&descriptor), true);
        let acl = child.as_bytes().len() - child.dacl().map_or(0, |acl| acl.size());
        assert_eq!(child.as_bytes()[acl], 4, "{shown}");
    }
}

#[test]
fn an_owner_that_is_set_was_not_assigned() {
    let parts = DescriptorParts {
        control: control::OWNER_DEFAULTED | control::GROUP_DEFAULTED | control::DACL_PROTECTED,
        ..DescriptorParts::default()
    };
    let descriptor = SecurityDescriptor::from_parts(parts);
    let sid = Sid::users();
    for (owner, group, control) in [
        (None, None, 0x9003),
        (Some(&sid), None, 0x9002),
        (None, Some(&sid), 0x9001),
        (Some(&sid), Some(&sid), 0x9000),
    ] {
        let changed = descriptor.with_owner(owner, group);
        assert_eq!(changed.control(), control);
        assert_eq!((changed.owner(), changed.group()), (owner, group));
    }
}

#[test]
fn bytes_that_are_unusual_but_right() {
    let file = default_file();
    // Room in the ACL and behind it, and a DACL that the control bits do not mention.
    let mut bytes = file.as_bytes().to_vec();
    bytes[50] += 8;
    bytes.extend([0; 12]);
    let roomy = SecurityDescriptor::parse(&bytes).unwrap();
    assert_eq!(roomy.parts(), file.parts());
    assert_eq!(roomy.as_bytes(), bytes);
    assert_ne!(roomy, file);
    assert_eq!(roomy.with_owner(None, None), roomy);
    assert_eq!(roomy.with_owner(roomy.owner(), None), file);
    let mut bytes = file.as_bytes().to_vec();
    bytes[2] = 0;
    bytes[16..20].copy_from_slice(&[255; 4]);
    assert_eq!(SecurityDescriptor::parse(&bytes).unwrap().dacl(), None);
}

#[test]
fn sids_as_text() {
    for (text, printed) in [
        ("S-1-5-32-544", Some("S-1-5-32-544")),
        ("s-1-0", Some("S-1-0")),
        (
            "S-1-4294967295-4294967295",
            Some("S-1-4294967295-4294967295"),
        ),
        ("S-1-4294967296-1", Some("S-1-0x000100000000-1")),
        ("S-1-0xFFFFFFFFFFFF", Some("S-1-0xffffffffffff")),
        (
            "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15",
            Some("S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15"),
        ),
        ("S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", None),
        ("S-1-281474976710656", None),
        ("S-1-5-4294967296", None),
        ("S-1-5-", None),
        ("S-1-5-+1", None),
        ("S-1-", None),
        ("S-2-5", None),
        ("BA", None),
        ("", None),
    ] {
        let sid = text.parse::<Sid>().ok().map(|sid| sid.to_string());
        assert_eq!(sid.as_deref(), printed, "{text}");
    }
}

#[test]
fn accounts() {
    for (name, sid) in [
        ("ContainerAdministrator", Some("S-1-5-93-2-1")),
        ("containeruser", Some("S-1-5-93-2-2")),
        (r"User Manager\ContainerUser", Some("S-1-5-93-2-2")),
        ("S-1-5-21-1-2-3-500", Some("S-1-5-21-1-2-3-500")),
        ("Administrators", Some("S-1-5-32-544")),
        (r"builtin\users", Some("S-1-5-32-545")),
        ("Everyone", Some("S-1-1-0")),
        ("SYSTEM", Some("S-1-5-18")),
        (r"NT AUTHORITY\System", Some("S-1-5-18")),
        ("Authenticated Users", Some("S-1-5-11")),
        ("LocalService", Some("S-1-5-19")),
        (r"NT AUTHORITY\NETWORK SERVICE", Some("S-1-5-20")),
        (
            r"NT SERVICE\TrustedInstaller",
            Some("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"),
        ),
        (r"BUILTIN\SYSTEM", None),
        (r"CONTOSO\Users", None),
        ("app", None),
        ("1000", None),
        ("", None),
    ] {
        let found = resolve_account(name).map(|sid| sid.to_string());
        assert_eq!(found.as_deref(), sid, "{name}");
    }
    let user = resolve_account("ContainerUser").unwrap();
    assert_eq!(
        user.to_bytes(),
        [
            1, 3, 0, 0, 0, 0, 0, 5, 0x5D, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0
        ]
    );
}

/// `--chown` over a descriptor.
fn check_chown(is_directory: bool, base: &str, owner: &str, group: Option<&str>, result: &str) {
    let owner = resolve_account(owner).unwrap();
    let group = group.map(|group| resolve_account(group).unwrap());
    let chowned = chown_descriptor(is_directory, &sddl(base), &owner, group.as_ref());
    assert_eq!(chowned.to_sddl().as_deref(), Some(result));
}

#[test]
fn changing_the_owner() {
    let user = resolve_account("ContainerUser").unwrap();
    let file = chown_descriptor(false, &default_file(), &user, None);
    assert_eq!(STANDARD.encode(file.as_bytes()), USER_FILE);
    check_chown(
        true,
        DIRECTORY_SDDL,
        "ContainerUser",
        Some("Users"),
        "O:S-1-5-93-2-2G:BUD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;FA;;;BA)(A;OICIIO;GA;;;CO)\
         (A;OICI;FA;;;S-1-5-93-2-2)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CI;DC;;;BU)",
    );
    // Who has every right already gets no second entry.
    check_chown(
        false,
        FILE_SDDL,
        "SYSTEM",
        None,
        "O:SYG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)",
    );
    // Explicit entries precede inherited ones.
    check_chown(
        false,
        "O:BAG:SYD:AI(D;;GW;;;WD)(A;ID;FA;;;BA)(A;ID;FR;;;BU)",
        "ContainerUser",
        None,
        "O:S-1-5-93-2-2G:SYD:AI(D;;GW;;;WD)(A;;FA;;;S-1-5-93-2-2)(A;ID;FA;;;BA)(A;ID;FR;;;BU)",
    );
    check_chown(
        false,
        "O:BAG:BAD:P",
        "SYSTEM",
        None,
        "O:SYG:BAD:P(A;;FA;;;SY)",
    );
    // No DACL grants everything; one entry would deny the rest.
    check_chown(false, "O:BUG:BU", "SYSTEM", None, "O:SYG:BU");
    check_chown(
        false,
        "O:BUD:NO_ACCESS_CONTROL",
        "SYSTEM",
        None,
        "O:SYD:NO_ACCESS_CONTROL",
    );
}

#[test]
fn a_full_list_stays() {
    let full = sddl(&format!("O:BAD:{}", "(A;;FA;;;SY)".repeat(3276)));
    assert_eq!(full.grant_full(false, &Sid::users()), full);
}

fn sids() -> impl Strategy<Value = Sid> {
    prop_oneof![
        (0..1u64 << 48, vec(any::<u32>(), 0..=15))
            .prop_map(|(authority, numbers)| Sid::well_known(authority, &numbers)),
        Just(Sid::users()),
        Just(Sid::creator_owner()),
    ]
}

fn acls() -> impl Strategy<Value = Acl> {
    let kinds = prop_oneof![0..=3u8, Just(0x11), Just(0x13)];
    let masks = prop_oneof![
        any::<u32>(),
        Just(ace::FILE_ALL),
        Just(ace::GENERIC_READ | 1),
        Just(0)
    ];
    let entry = (kinds, any::<u8>(), masks, sids())
        .prop_map(|(kind, flags, mask, sid)| Ace::basic(kind, flags, mask, &sid));
    vec(entry, 0..6).prop_map(|entries| Acl::new(entries).unwrap())
}

fn descriptors() -> impl Strategy<Value = SecurityDescriptor> {
    let lists = (option::of(acls()), option::of(acls()));
    (any::<u16>(), option::of(sids()), option::of(sids()), lists).prop_map(
        |(control, owner, group, (sacl, dacl))| {
            SecurityDescriptor::from_parts(DescriptorParts {
                control,
                owner,
                group,
                sacl,
                dacl,
            })
        },
    )
}

proptest! {
    #[test]
    fn bytes_round_trip(descriptor in descriptors()) {
        let parsed = SecurityDescriptor::parse(descriptor.as_bytes()).unwrap();
        prop_assert_eq!(parsed.parts(), descriptor.parts());
        prop_assert_eq!(SecurityDescriptor::from_parts(parsed.parts().clone()), descriptor);
    }

    #[test]
    fn text_round_trips(descriptor in descriptors()) {
        let text = descriptor.to_sddl().unwrap();
        let read = sddl(&text);
        prop_assert_eq!(read.to_sddl(), Some(text));
        prop_assert_eq!(read.owner(), descriptor.owner());
        prop_assert_eq!(read.group(), descriptor.group());
        prop_assert_eq!(read.dacl(), descriptor.dacl());
        prop_assert_eq!(read.sacl(), descriptor.sacl());
        // Text does not tell who assigned a part, nor about lists that are not there.
        let told = control::SELF_RELATIVE
            | control::DACL_PRESENT | control::DACL_PROTECTED
            | control::SACL_PRESENT | control::SACL_PROTECTED;
        let dacl = descriptor.control() & control::DACL_PRESENT != 0;
        let sacl = descriptor.control() & control::SACL_PRESENT != 0;
        let told = told & if dacl { !0 } else { !control::DACL_PROTECTED };
        let told = told & if sacl { !0 } else { !control::SACL_PROTECTED };
        prop_assert_eq!(read.control() & told, descriptor.control() & told);
    }

    #[test]
    fn sids_round_trip(sid in sids()) {
        prop_assert_eq!(sid.to_string().parse(), Ok(sid.clone()));
        prop_assert_eq!(Sid::parse(&sid.to_bytes()), Some(sid));
    }

    #[test]
    fn any_bytes_are_read_or_refused(start in vec(any::<u8>(), 0..40), patches in vec((0..216usize, any::<u8>()), 0..4)) {
        let _ = SecurityDescriptor::parse(&start);
        let mut bytes = default_directory().as_bytes().to_vec();
        for (offset, value) in patches {
            bytes[offset] = value;
        }
        if let Ok(descriptor) = SecurityDescriptor::parse(&bytes) {
            let rebuilt = SecurityDescriptor::from_parts(descriptor.parts().clone());
            prop_assert_eq!(rebuilt.parts(), descriptor.parts());
            let _ = descriptor.to_sddl();
            let _ = inherit(Some(&descriptor), true);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(O:|G:|D:|S:|P|AI|S-1-5|-|BA|\\(|A;|OI|;|0x1|FA|\\)|.){0,20}") {
        if let Ok(descriptor) = SecurityDescriptor::from_sddl(&text) {
            let printed = descriptor.to_sddl().unwrap();
            prop_assert_eq!(sddl(&printed), descriptor);
        }
    }

    #[test]
    fn inheriting_is_stable(parent in descriptors(), is_directory: bool) {
        let child = inherit(Some(&parent), is_directory);
        prop_assert_eq!(SecurityDescriptor::parse(child.as_bytes()), Ok(child.clone()));
        let applies = |entry: &Ace| entry.flags() & ace::INHERIT_ONLY == 0;
        let heritable = ace::OBJECT_INHERIT | ace::CONTAINER_INHERIT;
        for entry in child.dacl().unwrap().aces() {
            prop_assert!(is_directory || applies(entry));
            prop_assert!(is_directory || entry.flags() & heritable == 0);
            prop_assert!(applies(entry) || entry.flags() & heritable != 0);
        }
    }
}

#[test]
fn names_of_sids() {
    let check = |text: &str, expected: Option<&str>| {
        let sid: Sid = text.parse().unwrap();
        assert_eq!(sid.well_known_name(), expected, "{text}");
    };
    check("S-1-1-0", Some("Everyone"));
    check("S-1-5-18", Some(r"NT AUTHORITY\SYSTEM"));
    check("S-1-5-32-544", Some(r"BUILTIN\Administrators"));
    check("S-1-5-93-2-1", Some(r"User Manager\ContainerAdministrator"));
    check("S-1-5-21-1-2-3-500", Some("Administrator"));
    check("S-1-5-21-1-2-3-1001", None);
    check("S-1-5-21-0-0-0-497", Some(r"NT AUTHORITY\CLAIMS VALID"));
    check("S-1-5-5-0-99", Some("Logon Session"));
    check("S-1-5-32-599", None);
    check("S-1-22-1-0", None);
    // What SDDL and a Dockerfile have a name for has one here.
    for (letters, ..) in ALIASES {
        let sid = Sid::from_alias(letters).unwrap();
        assert!(sid.well_known_name().is_some(), "{letters}");
    }
    for (domain, account, authority, numbers) in ACCOUNTS {
        let sid = Sid::well_known(*authority, numbers);
        let name = match *domain {
            "" => (*account).to_owned(),
            domain => format!("{domain}\\{account}"),
        };
        let is_short_form = matches!(*account, "LocalService" | "LocalSystem" | "NetworkService");
        let found = sid.well_known_name().unwrap();
        assert!(is_short_form || found == name, "{found} {name}");
    }
}
