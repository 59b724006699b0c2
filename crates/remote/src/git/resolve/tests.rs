use super::*;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

/// `id reference` of what `name` means in `listed`, where 1 and 2 are objects.
#[track_caller]
fn check(listed: &str, name: &str, expected: Option<(&str, &str, bool)>) {
    let text: String = listed
        .lines()
        .map(|line| {
            let (object, name) = line.trim().split_once(' ').expect("two words");
            format!("{}\t{name}\n", if object == "1" { ONE } else { TWO })
        })
        .collect();
    let found = Listed::parse("x", &text).expect("valid").choose(name);
    let found = found.map(|it| (it.id.to_string(), it.reference.unwrap_or_default(), it.tag));
    let expected = expected.map(|(id, reference, is_tag)| {
        let id = if id == "1" { ONE } else { TWO };
        let tag = is_tag.then(|| TWO.parse().expect("an id"));
        (id.to_owned(), reference.to_owned(), tag)
    });
    assert_eq!(found, expected, "{name} in {listed}");
}

#[test]
fn names_mean_what_they_mean_to_docker() {
    let both = "1 refs/heads/x\n2 refs/tags/x\n2 refs/heads/y/x";
    check(both, "x", Some(("1", "refs/heads/x", false)));
    check(both, "heads/x", Some(("1", "refs/heads/x", false)));
    check(both, "refs/tags/x", Some(("2", "refs/tags/x", false)));
    check(both, "y", None);
    check("1 refs/heads/a/x", "x", None);
    check(
        "2 refs/tags/v\n1 refs/tags/v^{}",
        "v",
        Some(("1", "refs/tags/v", true)),
    );
    check(
        "2 refs/tags/v\n1 refs/tags/v^{}",
        "refs/tags/v",
        Some(("1", "refs/tags/v", true)),
    );
    check(
        "1 refs/pull/7/head",
        "pull/7/head",
        Some(("1", "refs/pull/7/head", false)),
    );
    check("1 refs/heads/refs/heads/x", "refs/heads/x", None);
}

#[test]
fn what_servers_list() {
    let listed = format!("ref: refs/heads/main\tHEAD\n{ONE}\tHEAD\nnoise\n");
    let listed = Listed::parse("x", &listed).expect("valid");
    assert_eq!(listed.head.as_deref(), Some("refs/heads/main"));
    assert_eq!(listed.objects["HEAD"].as_str(), ONE);
    Listed::parse("x", "xyz\tHEAD").expect_err("no id");
    for (name, is_safe) in [
        ("refs/heads/main", true),
        ("refs/heads/a/b", true),
        ("refs/heads/../../config", false),
        ("refs//x", false),
        ("refs/heads/", false),
        ("refs/heads/a\nb", false),
        ("config", false),
    ] {
        assert_eq!(is_safe_reference(name), is_safe, "{name}");
    }
}
