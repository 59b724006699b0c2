//! `--check` and `--call`: what is told of a Dockerfile, and how the command ends.

use serde_json::Value;

use crate::bench::{Bench, Ran};
use crate::{LINUX, PLAIN};

const ODD: &str = "FROM scratch AS Base\nCOPY x /\n";

impl Ran {
    /// An answer without a word on standard error.
    #[track_caller]
    fn answers(self, code: i32, parts: &[&str]) -> String {
        assert_eq!((self.code, &*self.err), (code, ""));
        let text = self.text();
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
        text
    }
}

#[test]
fn checks_and_exit_codes() {
    let check = |dockerfile: &str, arguments: &[&str], code: i32, parts: &[&str]| {
        let bench = Bench::new(dockerfile);
        let answer = bench.run(arguments).answers(code, parts);
        assert!(!bench.path("store").exists(), "nothing was needed from it");
        answer
    };
    let none = "Check complete, no warnings found.\n";
    assert_eq!(check(PLAIN, &["--check"], 0, &[]), none);
    assert_eq!(check(PLAIN, &["--call=check"], 0, &[]), none);
    // RUN is gone over: what it needs later is nothing that a check asks for.
    assert_eq!(check("FROM scratch\nRUN x\n", &["--check"], 0, &[]), none);
    let one = [
        "Check complete, 1 warning has been found!\n",
        "WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/",
        "Dockerfile:1\n",
        ">>> FROM scratch AS Base",
    ];
    check(ODD, &["--check"], 1, &one);
    check(ODD, &["--call", "lint"], 1, &one);
    check(ODD, &["--check", "-q"], 1, &one);
    check(ODD, &["--call=check,ignorestatus=true"], 0, &one);
    let json = check(ODD, &["--call=check,format=json"], 1, &[]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["warnings"][0]["ruleName"], "StageNameCasing");
    assert_eq!(json["sources"][0]["filename"], "Dockerfile");
    // An error is never passed over.
    for dockerfile in ["FORM scratch\n", "FROM scratch\nCOPY --chmod=9 x /\n"] {
        check(dockerfile, &["--check"], 1, &["ERROR: "]);
        check(
            dockerfile,
            &["--call=check,ignorestatus=true"],
            1,
            &["ERROR: "],
        );
    }
    let bench = Bench::new(ODD);
    bench
        .run(&["--check", "--target", "none"])
        .answers(1, &["ERROR: "]);
    bench.run(&["--check", "-f", "none"]).expect(1, &["none"]);
    bench
        .run_with(&["--check", "-f", "-"], &[], PLAIN)
        .answers(0, &[none]);
    let wrong = bench
        .run(&["--call=chekc"])
        .expect(2, &["there is no method"]);
    assert!(wrong.out.is_empty());
}

/// What is left out of the context is known, and what differs between the platforms.
#[test]
fn contexts_and_platforms() {
    let bench = Bench::new("FROM scratch\nCOPY x /\n");
    bench.write("context/.dockerignore", "x\n");
    bench.run(&["--check"]).answers(1, &["CopyIgnoredFile"]);
    bench
        .run(&[])
        .expect(1, &["warning[CopyIgnoredFile]", "not found"]);
    bench.write("context/.dockerignore", "y\n");
    bench.run(&["--check"]).answers(0, &[]);
    bench.write(
        "context/Dockerfile",
        "FROM scratch AS Base\nSTOPSIGNAL TERM\n",
    );
    let check = |platforms: &str, expected: &[&str]| {
        let ran = bench.run(&["--call=check,format=json", "--platform", platforms]);
        let json: Value = serde_json::from_slice(&ran.out).unwrap();
        let warnings = json["warnings"].as_array().unwrap().iter();
        let rules: Vec<&str> = warnings
            .map(|warning| warning["ruleName"].as_str().unwrap())
            .collect();
        assert_eq!(rules, expected);
    };
    check("linux/amd64,linux/arm64", &["StageNameCasing"]);
    let windows = ["StageNameCasing", "IgnoredOnWindows"];
    check("linux,windows(10.0.20348)", &windows);
    // A Dockerfile that came instead of a context.
    bench
        .run_on("-", &["--check"], &[], ODD)
        .answers(1, &["StageNameCasing"]);
}

#[test]
fn bases() {
    let bench = Bench::new("FROM scratch\nENV JAVA_HOME=/java\nCOPY x /\n");
    let layout = ["-o", "type=oci-layout,dest=base", "-t", "base:1"];
    bench.run(&[&LINUX[..], &layout].concat()).expect(0, &[]);
    let check = |dockerfile: &str, code: i32, parts: &[&str], errors: &[&str]| {
        bench.write("context/Dockerfile", dockerfile);
        let ran = bench.run(&["--check", LINUX[0], LINUX[1]]);
        assert_eq!(ran.code, code, "{}", ran.err);
        for part in parts {
            assert!(ran.text().contains(part), "{part}: {}", ran.text());
        }
        for part in errors {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
        assert!(!ran.err.contains("error: "), "{}", ran.err);
    };
    let none = "Check complete, no warnings found.\n";
    check(
        "FROM oci-layout://base:1\nLABEL l=$JAVA_HOME\n",
        0,
        &[none],
        &[],
    );
    check(
        "FROM oci-layout://base:1\nLABEL l=$JAVA_HOM\n",
        1,
        &["UndefinedVar", "JAVA_HOME"],
        &[],
    );
    // What cannot be had hides nothing else.
    let two = "FROM 127.0.0.1:1/base AS Base\nFROM oci-layout://base:1\nLABEL l=$JAVA_HOM\n";
    let missing = ["warning: 127.0.0.1:1/base: ", "some checks are left out"];
    check(two, 1, &["StageNameCasing", "UndefinedVar"], &missing);
    check("FROM 127.0.0.1:1/base\n", 0, &[none], &missing);
}

#[test]
fn outlines_and_targets() {
    let bench = Bench::new(
        "# base is what is built first\nFROM scratch AS base\n# V is a version\nARG V=1\n\
         LABEL v=$V\nFROM base\nCOPY x /\n",
    );
    let text = bench.run(&["--call=targets"]).answers(0, &[]);
    assert_eq!(
        text,
        "TARGET    DESCRIPTION\nbase      is what is built first\n(default) \n"
    );
    let json = bench
        .run(&["--call", "targets,format=json"])
        .answers(0, &[]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["targets"][1]["default"], true);
    let outline = ["--call=outline", "--target=base", "--build-arg", "V=2"];
    let text = bench.run(&outline).answers(0, &["TARGET:", "base"]);
    assert!(text.contains("V           2       is a version"), "{text}");
    let metadata = ["--call=outline,format=json", "--metadata-file", "m.json"];
    let json = bench.run(&metadata).answers(0, &[]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["args"][0]["name"], "V");
    assert_eq!(bench.json("m.json")["result.json"], json);
    assert!(!bench.path("store").exists(), "nothing was needed from it");
    bench.write("context/Dockerfile", "FORM scratch\n");
    for call in ["--call=targets", "--call=outline"] {
        bench.run(&[call]).expect(1, &["FORM", "Dockerfile:1"]);
    }
    bench.write("context/Dockerfile", PLAIN);
    let target = ["--call=outline", "--target=none"];
    bench.run(&target).expect(1, &["none"]);
}
