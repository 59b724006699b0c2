use super::*;

/// The descriptor of a directory, and what a file and a directory in it get.
fn check(parent: &str, file: &str, directory: &str) {
    let parent = SecurityDescriptor::from_sddl(parent).unwrap();
    for (is_directory, expected) in [(false, file), (true, directory)] {
        let child = inherit(Some(&parent), is_directory);
        let expected = match (expected, is_directory) {
            (TABLE, false) => default_file(),
            (TABLE, true) => default_directory(),
            (sddl, _) => SecurityDescriptor::from_sddl(&format!("O:BAG:SYD:AI{sddl}")).unwrap(),
        };
        assert_eq!(
            child.to_sddl(),
            expected.to_sddl(),
            "directory: {is_directory}"
        );
        assert_eq!(child, expected);
    }
}

/// Stands for the descriptors of the table.
const TABLE: &str = "the table";

#[test]
fn nothing_to_inherit() {
    check("O:BAG:SY", TABLE, TABLE);
    check("O:BAD:NO_ACCESS_CONTROL", TABLE, TABLE);
    check("O:BAD:", TABLE, TABLE);
    check("O:BAD:(A;;FA;;;BA)(A;ID;FA;;;SY)", TABLE, TABLE);
    check("D:(A;IO;FA;;;BA)(A;NP;FA;;;BA)", TABLE, TABLE);
    assert_eq!(inherit(None, false), default_file());
    assert_eq!(inherit(None, true), default_directory());
}

#[test]
fn each_flag() {
    check("D:(A;OICI;FA;;;BA)", "(A;ID;FA;;;BA)", "(A;OICIID;FA;;;BA)");
    check("D:(A;OI;FA;;;BA)", "(A;ID;FA;;;BA)", "(A;OIIOID;FA;;;BA)");
    check("D:(A;CI;FA;;;BA)", TABLE, "(A;CIID;FA;;;BA)");
    check(
        "D:(A;OICIIO;FA;;;BA)",
        "(A;ID;FA;;;BA)",
        "(A;OICIID;FA;;;BA)",
    );
    check("D:(A;OIIO;FA;;;BA)", "(A;ID;FA;;;BA)", "(A;OIIOID;FA;;;BA)");
    check("D:(A;CIIO;FA;;;BA)", TABLE, "(A;CIID;FA;;;BA)");
    check("D:(A;OICINP;FA;;;BA)", "(A;ID;FA;;;BA)", "(A;ID;FA;;;BA)");
    check("D:(A;OINP;FA;;;BA)", "(A;ID;FA;;;BA)", TABLE);
    check("D:(A;CINP;FA;;;BA)", TABLE, "(A;ID;FA;;;BA)");
    check("D:(A;OICINPIO;FA;;;BA)", "(A;ID;FA;;;BA)", "(A;ID;FA;;;BA)");
    check(
        "D:(D;OICIID;FW;;;WD)",
        "(D;ID;FW;;;WD)",
        "(D;OICIID;FW;;;WD)",
    );
}

#[test]
fn generic_rights() {
    check("D:(A;OICI;GA;;;BU)", "(A;ID;FA;;;BU)", "(A;OICIID;FA;;;BU)");
    check("D:(A;OICI;GR;;;BU)", "(A;ID;FR;;;BU)", "(A;OICIID;FR;;;BU)");
    check("D:(A;OICI;GW;;;BU)", "(A;ID;FW;;;BU)", "(A;OICIID;FW;;;BU)");
    check("D:(A;OICI;GX;;;BU)", "(A;ID;FX;;;BU)", "(A;OICIID;FX;;;BU)");
    check(
        "D:(A;OICIIO;SDGXGWGR;;;AU)",
        "(A;ID;0x1301bf;;;AU)",
        "(A;OICIID;0x1301bf;;;AU)",
    );
    // An entry that waits for files keeps what it says.
    check("D:(A;OI;GR;;;BU)", "(A;ID;FR;;;BU)", "(A;OIIOID;GR;;;BU)");
}

#[test]
fn creators() {
    check(
        "D:(A;OICIIO;GA;;;CO)",
        "(A;ID;FA;;;BA)",
        "(A;ID;FA;;;BA)(A;OICIIOID;GA;;;CO)",
    );
    check(
        "D:(A;OICI;GR;;;CG)",
        "(A;ID;FR;;;SY)",
        "(A;ID;FR;;;SY)(A;OICIIOID;GR;;;CG)",
    );
    check(
        "D:(A;CI;FA;;;CO)",
        TABLE,
        "(A;ID;FA;;;BA)(A;CIIOID;FA;;;CO)",
    );
    check("D:(A;OI;GA;;;CO)", "(A;ID;FA;;;BA)", "(A;OIIOID;GA;;;CO)");
    check("D:(A;OICINPIO;GA;;;CO)", "(A;ID;FA;;;BA)", "(A;ID;FA;;;BA)");
    check(
        "D:(D;OICIIO;WD;;;CO)",
        "(D;ID;WD;;;BA)",
        "(D;ID;WD;;;BA)(D;OICIIOID;WD;;;CO)",
    );
}

#[test]
fn order_and_neighbours() {
    // C:\ of a server, and the same one level down.
    check(
        "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;FA;;;WD)(A;OICIIO;GA;;;CO)\
         (A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CIIO;DC;;;BU)",
        "(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)",
        "(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;ID;FA;;;BA)(A;OICIIOID;GA;;;CO)\
         (A;OICIID;0x1200a9;;;BU)(A;CIID;LC;;;BU)(A;CIID;DC;;;BU)",
    );
}

#[test]
fn the_sacl_is_not_inherited() {
    check(
        "D:(A;OICI;FA;;;BA)S:(AU;OICISA;FA;;;WD)",
        "(A;ID;FA;;;BA)",
        "(A;OICIID;FA;;;BA)",
    );
}

#[test]
fn other_types_keep_their_bodies() {
    for kind in [ace::AUDIT, ace::MANDATORY_LABEL, 9] {
        let inheritable = ace::OBJECT_INHERIT | ace::CONTAINER_INHERIT;
        let creator = Sid::creator_owner();
        let entry = Ace::basic(kind, inheritable, ace::GENERIC_ALL, &creator);
        let parent = SecurityDescriptor::from_parts(DescriptorParts {
            dacl: Some(Acl::new(vec![entry.clone()]).unwrap()),
            ..DescriptorParts::default()
        });
        for (is_directory, flags) in [(false, 0x10), (true, 0x13)] {
            let child = inherit(Some(&parent), is_directory);
            assert_eq!(child.dacl().unwrap().aces(), [entry.with_flags(flags)]);
        }
    }
}

#[test]
fn more_than_a_list_can_hold() {
    // Each of these entries makes two.
    let parent = format!("D:{}", "(A;CI;FA;;;CO)".repeat(2000));
    check(&parent, TABLE, TABLE);
}
