use super::super::sample;
use super::*;

/// The paths at and below the root of which `test` holds, or the error.
fn found(tree: &Tree, expression: FindExpression, depths: (usize, usize)) -> String {
    let passwd = b"root:x:0:0::/:\napp:x:7:8::/:\n".to_vec();
    let mut reader = EntryReader::new(tree, passwd, b"root:x:0:\n".to_vec());
    let find = Find {
        expression,
        min_depth: depths.0,
        max_depth: depths.1,
    };
    let finder = match Finder::new(&find, &reader) {
        Ok(finder) => finder,
        Err(error) => return error.to_string(),
    };
    let mut paths = Vec::new();
    let run = finder.run::<()>(&mut reader, tree.root(), |_, _, path| {
        paths.push(String::from_utf8(path.to_vec()).unwrap().replace('\n', "|"));
        Ok(())
    });
    assert_eq!(run, Ok(()));
    paths.join(" ")
}

fn count(is: Ordering, number: u64) -> FindCount {
    FindCount { number, is }
}

fn name(pattern: &str, ignores_case: bool) -> FindTest {
    FindTest::Name {
        pattern: pattern.into(),
        ignores_case,
    }
}

fn path(pattern: &str) -> FindTest {
    FindTest::Path {
        pattern: pattern.into(),
        ignores_case: false,
    }
}

const EVERYWHERE: (usize, usize) = (0, usize::MAX);

#[test]
fn linux_tests() {
    use Ordering::{Equal, Greater, Less};
    let tree = sample::linux();
    let check = |test: FindTest, expected: &str| {
        let text = format!("{test:?}");
        let found = found(&tree, FindExpression::Test(test), EVERYWHERE);
        assert_eq!(found, expected, "{text}");
    };
    check(name("su*", false), "/bin/su /bin/sudo");
    check(name("SU", false), "");
    check(name("SU", true), "/bin/su");
    check(name("/", false), "/");
    check(name(".*", false), "/etc/.hidden");
    check(path("/*/s*"), "/bin/su /bin/sudo /dev/sda");
    check(
        FindTest::Type(vec![EntryKind::Symlink]),
        "/configs /lost /sh",
    );
    check(
        FindTest::Type(vec![EntryKind::CharDevice, EntryKind::Fifo]),
        "/dev/log /dev/tty",
    );
    check(FindTest::Type(vec![EntryKind::BlockDevice]), "/dev/sda");
    let size = |unit, is, number| FindTest::Size {
        unit,
        count: count(is, number),
    };
    check(size(1024, Greater, 1), "/bin/su /bin/sudo");
    check(size(1, Equal, 100), "/etc/passwd");
    check(
        size(512, Equal, 1),
        "/bin/a|b /configs /etc/passwd /lost /sh",
    );
    check(
        FindTest::NewerThanPath(b"/bin/su".to_vec()),
        "/bin/a|b /etc/passwd",
    );
    // Through a link.
    check(
        FindTest::NewerThanPath(b"/sh".to_vec()),
        "/bin/a|b /etc/passwd",
    );
    check(
        FindTest::NewerThanPath(b"/none".to_vec()),
        "-newer \"/none\": not found",
    );
    check(
        FindTest::NewerThan(Timestamp::from_seconds(250)),
        "/etc/passwd",
    );
    let mode = |bits, how| FindTest::Mode { bits, how };
    check(mode(0o600, ModeBits::Exactly), "/dev/log /etc/.hidden");
    check(mode(0o4111, ModeBits::All), "/bin/su /bin/sudo");
    check(mode(0o6000, ModeBits::Any), "/bin/su /bin/sudo /empty");
    check(FindTest::Uid(count(Greater, 0)), "/bin/a|b");
    check(FindTest::Gid(count(Equal, 8)), "/bin/a|b");
    check(FindTest::User("app".into()), "/bin/a|b");
    check(FindTest::User("7".into()), "/bin/a|b");
    check(
        FindTest::User("bob".into()),
        "-user bob: /etc/passwd of the image has no such name; a number may be given too",
    );
    check(FindTest::Group("8".into()), "/bin/a|b");
    check(FindTest::Empty, "/empty /etc/.hidden");
    check(FindTest::Links(count(Greater, 2)), "/");
    check(FindTest::Links(count(Less, 1)), "");
    // Nothing of this tree is of a layer.
    check(FindTest::Layer(count(Greater, 0)), "");
    check(
        FindTest::Attributes(2),
        "-attr: is for Windows images; use -perm in this one, which is for Linux",
    );
    check(FindTest::Always(false), "");
}

#[test]
fn windows_tests() {
    let tree = sample::windows();
    let check = |test: FindTest, expected: &str| {
        let text = format!("{test:?}");
        let found = found(&tree, FindExpression::Test(test), EVERYWHERE);
        assert_eq!(found, expected, "{text}");
    };
    check(name("*.TXT", false), "C:\\Users\\NOTES.txt");
    check(name("a:b", false), "C:\\Users\\a:b");
    let all_ini = "C:\\Users\\desktop.ini";
    check(path("*\\*.ini"), all_ini);
    check(path("/users/*.ini"), all_ini);
    check(path("c:/users/*.ini"), all_ini);
    check(FindTest::Attributes(0x6), all_ini);
    check(
        FindTest::Type(vec![EntryKind::Symlink]),
        "C:\\Documents and Settings",
    );
    let known = "C:\\Documents and Settings C:\\Users C:\\Users\\a:b C:\\Users\\desktop.ini \
                 C:\\Users\\NOTES.txt C:\\Users\\Public";
    for owner in ["administrators", "builtin\\Administrators", "s-1-5-32-544"] {
        check(FindTest::User(owner.into()), known);
    }
    check(FindTest::User("SYSTEM".into()), "");
    for test in [
        FindTest::Uid(count(Ordering::Equal, 0)),
        FindTest::Group("x".into()),
        FindTest::Mode {
            bits: 0,
            how: ModeBits::Any,
        },
    ] {
        let text = found(&tree, FindExpression::Test(test), EVERYWHERE);
        assert!(text.contains("is for Linux images; use -attr"), "{text}");
    }
}

#[test]
fn expressions() {
    let tree = sample::linux();
    let check = |expression: FindExpression, depths, expected: &str| {
        let text = format!("{expression:?}");
        assert_eq!(found(&tree, expression, depths), expected, "{text}");
    };
    let test = FindExpression::Test;
    let not = |inner| FindExpression::Not(Box::new(inner));
    let directories = || test(FindTest::Type(vec![EntryKind::Directory]));
    check(FindExpression::All(Vec::new()), (0, 0), "/");
    check(directories(), (1, 1), "/bin /dev /empty /etc");
    check(
        FindExpression::All(vec![directories(), test(FindTest::Empty)]),
        EVERYWHERE,
        "/empty",
    );
    check(
        FindExpression::Any(vec![test(name("etc", false)), test(name("tty", false))]),
        EVERYWHERE,
        "/dev/tty /etc",
    );
    check(
        FindExpression::All(vec![not(directories()), test(path("/e*"))]),
        EVERYWHERE,
        "/etc/.hidden /etc/passwd",
    );
    check(test(name("*", false)), (3, usize::MAX), "");
}
