use super::*;

/// An expression in short: tests by their kind, `!`, and groups in parentheses.
fn short(expression: &FindExpression) -> String {
    let all = |parts: &[FindExpression], between: &str| {
        let parts: Vec<String> = parts.iter().map(short).collect();
        format!("({})", parts.join(between))
    };
    match expression {
        FindExpression::Test(test) => format!("{test:?}"),
        FindExpression::Not(inner) => format!("!{}", short(inner)),
        FindExpression::All(parts) => all(parts, " & "),
        FindExpression::Any(parts) => all(parts, " | "),
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_terminator(' ').map(str::to_owned).collect()
}

#[test]
fn expressions() {
    let check = |line: &str, paths: &[&str], expected: &str| {
        let parsed = parse(&words(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(parsed.paths, paths, "{line}");
        assert_eq!(short(&parsed.expression), expected, "{line}");
    };
    check("", &[], "()");
    check("/etc usr", &["/etc", "usr"], "()");
    check("-true", &[], "Always(true)");
    check("/ --true -false", &["/"], "(Always(true) & Always(false))");
    check("-true -a -false", &[], "(Always(true) & Always(false))");
    check(
        "-true -o -false -true",
        &[],
        "(Always(true) | (Always(false) & Always(true)))",
    );
    check(
        "( -true -or -false ) -and ! -empty",
        &[],
        "((Always(true) | Always(false)) & !Empty)",
    );
    check("! ! -empty", &[], "!!Empty");
    check("-maxdepth 2 -empty -print0", &[], "Empty");
    check("-empty -maxdepth 2", &[], "Empty");
    check("-user bob", &[], "User(\"bob\")");
    check("-perm -u+s", &[], "Mode { bits: 2048, how: All }");
    check("-perm /222", &[], "Mode { bits: 146, how: Any }");
    check("-perm 644", &[], "Mode { bits: 420, how: Exactly }");
    check("-type f,d", &[], "Type([File, Directory])");
    check("-attr hs", &[], "Attributes(6)");
    let size = |unit: u64, number: u64, is: &str| {
        format!("Size {{ unit: {unit}, count: FindCount {{ number: {number}, is: {is} }} }}")
    };
    check("-size +10M", &[], &size(1 << 20, 10, "Greater"));
    check("-size -3k", &[], &size(1024, 3, "Less"));
    check("-size 7c", &[], &size(1, 7, "Equal"));
    check("-size 7", &[], &size(512, 7, "Equal"));
    let time = |seconds: i64, nanoseconds: u32| {
        format!("NewerThan(Timestamp {{ seconds: {seconds}, nanoseconds: {nanoseconds} }})")
    };
    check("-newermt 1970-01-02", &[], &time(86_400, 0));
    check("-newermt 1970-01-01T00:01", &[], &time(60, 0));
    check("-newermt 1970-01-01T00:00:05", &[], &time(5, 0));
    check(
        "-newermt 1970-01-01T01:00:00.5+01:00",
        &[],
        &time(0, 500_000_000),
    );
    check("-newermt @-1.5", &[], &time(-2, 500_000_000));
}

#[test]
fn about_the_search() {
    let check = |line: &str, depths: (usize, usize), printing| {
        let parsed = parse(&words(line)).unwrap();
        let found = (parsed.min_depth, parsed.max_depth);
        assert_eq!((found, parsed.printing), (depths, printing), "{line}");
    };
    check("-empty", (0, usize::MAX), Printing::Lines);
    check("-mindepth 1 -maxdepth 2 -ls", (1, 2), Printing::Long);
    check("-empty --print0", (0, usize::MAX), Printing::Zeroes);
    check("-print", (0, usize::MAX), Printing::Lines);
}

#[test]
fn errors() {
    let check = |line: &str, expected: &str| {
        let error = parse(&words(line)).unwrap_err();
        assert!(error.contains(expected), "{line}: {error}");
    };
    check("-nam x", "-nam: there is no such test; is -name meant?");
    check(
        "-xyz",
        "-xyz: there is no such test; see crossdock find --help",
    );
    check("-", "-: there is no such test");
    check("-mtime 1", "use -newermt");
    check("--exec ls", "nothing is run");
    check(
        "-empty /etc",
        "/etc: there is no such test; paths come before all tests",
    );
    check("-name", "-name: something must follow it");
    check("-name a/b", "use -path");
    check("-type x", "-type x: write some of");
    check("-size big", "-size big: write it like");
    check("-size +k", "-size +k: write it like");
    check("-uid +-1", "-uid +-1: write a number");
    check("-perm rwx", "-perm rwx: write it like");
    check("-newermt yesterday", "write it like 2026-11-24");
    check("-maxdepth x", "-maxdepth x: write a number");
    check("-attr q", "-attr q: write some of");
    check("( -empty", "(: there is no ) behind it");
    check("( )", "( ): is empty");
    check("-empty )", "): there is no ( before it");
    check("!", "!: no test follows");
    check("! -print", "!: no test follows");
    check("-empty -o", "-o: no test follows");
    check("-o -empty", "-o: there is no test before it");
    check("-a -empty", "-a: there is no test before it");
    check("-empty -print -o -empty", "-print: belongs at the end");
    check("-ls -empty", "-ls: belongs at the end");
    check(&"( ".repeat(5000), "more than 100 in each other");
    check(&"! ".repeat(5000), "more than 100 in each other");
}
